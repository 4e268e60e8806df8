// What every page shows of jobs and of the inbox: toasts. What draws them comes when there is one to draw.

import {inboxSocket} from '/static/chatsite/sockets.js'
import {TRANSITIONS} from '/static/chatsite/strip.js'

const EVENTS = [...TRANSITIONS.map(transition => `job.${transition}`), 'job.progressed', 'notification.created', 'notification.read']

const waiting = []
const ends = EVENTS.map(type => inboxSocket.on(type, event => {
  waiting.push(event)
  start()
}))
let isStarting = false

inboxSocket.addEventListener('statechange', () => {
  if (inboxSocket.state === 'open' && waiting.length) start()
})

/** Where it doesn't come, say because the server went away, it is asked for again: for the next event, or once connected. */
async function start() {
  if (isStarting) return
  isStarting = true
  try {
    const {runToasts} = await import('/static/notifications/toasts.js')
    for (const end of ends) end()
    runToasts(waiting.splice(0))
  } catch (error) {
    console.warn(error)
  }
  isStarting = false
}
