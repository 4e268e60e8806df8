// What every page shows of jobs and of the inbox: toasts. What draws them comes when there is one to draw.

import {inboxSocket} from '/static/chatsite/sockets.js'
import {TRANSITIONS} from '/static/chatsite/strip.js'

const EVENTS = [...TRANSITIONS.map(transition => `job.${transition}`), 'job.progressed', 'notification.created', 'notification.read']

const waiting = []
const ends = EVENTS.map(type => inboxSocket.on(type, wait))

async function wait(event) {
  if (waiting.push(event) > 1) return
  try {
    const {runToasts} = await import('/static/notifications/toasts.js')
    for (const end of ends) end()
    runToasts(waiting)
  } catch (error) {
    waiting.length = 0 // what it would have said is in the inbox
    reportError(error)
  }
}
