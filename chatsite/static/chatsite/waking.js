// When this page wakes: its tab comes to the front or is thawed, the network is back, or the clock
// has jumped, as after a lid was closed. Timers can't tell: they sleep as well.

const TICK_MS = 2_000
const JUMP_MS = 10_000
const handlers = new Set()
let last = Date.now()

addEventListener('online', wake)
addEventListener('pageshow', wake)
document.addEventListener('resume', wake)
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) wake()
})
setInterval(tick, TICK_MS)

export function onWake(handler) {
  handlers.add(handler)
}

function tick() {
  const now = Date.now()
  if (Math.abs(now - last) > JUMP_MS) wake()
  last = now
}

function wake() {
  for (const handler of handlers) handler()
}
