// What was read, said to the server: at most every half second, and again until an answer came. It outlasts
// the room's being shown, and the connection.

import {isPassing, waitAfter} from '/static/chatsite/cursor.js'
import {CommandError} from '/static/chatsite/socket.js'
import {chatSocket} from '/static/chatsite/sockets.js'

const AT_MOST_EVERY_MS = 500

const untold = new Map() // room → seq
let timer = 0
let tries = 0 // in vain, one after the other

chatSocket.addEventListener('statechange', () => tellSoon())
addEventListener('pagehide', tellAll)

/** A room was read up to `seq`; the sidebar counts it at once. */
export function moveMark(room, seq) {
  untold.set(room, seq)
  document.dispatchEvent(new CustomEvent('room:read', {detail: {room, seq}}))
  tellSoon()
}

function tellSoon(wait = AT_MOST_EVERY_MS) {
  timer ||= setTimeout(tellAll, wait)
}

function tellAll() {
  timer = 0
  if (chatSocket.state !== 'open') return // the next connection tells
  for (const [room, seq] of untold) tell(room, seq)
}

async function tell(room, seq) {
  const answer = await chatSocket.request({type: 'room.read', room, seq}).catch(error => error)
  const isFinal = answer.type === 'ok' || (answer instanceof CommandError && !isPassing(answer.code))
  if (!isFinal) return tellSoon(waitAfter(answer, tries++))
  tries = 0
  if (untold.get(room) === seq) untold.delete(room)
}
