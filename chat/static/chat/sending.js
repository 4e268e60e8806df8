// Sends what waits in the outbox: of each room the oldest first, one at a time, in one tab at a time.

import {BACKOFF_MAX_MS, backoff, isPassing, waitAfter} from '/static/chatsite/cursor.js'
import {CommandError} from '/static/chatsite/socket.js'
import {chatSocket} from '/static/chatsite/sockets.js'
import {me} from '/static/chatsite/store.js'
import {isMine, isSameSignIn} from './whose.js'

const LOCK_PATIENCE_MS = 30_000

export class Sending {
  #outbox
  #lanes = new Map()
  #connection = 0
  #mine = null // the connection that is known to be this person's
  #asked = 0

  constructor(outbox) {
    this.#outbox = outbox
    chatSocket.addEventListener('statechange', () => { this.#connection += 1 })
  }

  /** Sends what waits in a room, unless that is under way. */
  async run(room) {
    const lane = this.#lane(room)
    lane.wanted = true
    if (lane.busy) return
    lane.busy = true
    while (lane.wanted) {
      lane.wanted = false
      await this.#empty(room)
    }
    lane.busy = false
  }

  #lane(room) {
    if (!this.#lanes.has(room)) this.#lanes.set(room, {busy: false, wanted: false, timer: 0})
    return this.#lanes.get(room)
  }

  async #empty(room) {
    try {
      let goesOn = true
      while (goesOn && chatSocket.state === 'open') goesOn = await alone(`outbox-${me.id}-${room}`, () => this.#next(room))
    } catch (error) {
      reportError(error)
      this.#later(room, BACKOFF_MAX_MS)
    }
  }

  /** Gives false where nothing is left, or the rest has to wait. */
  async #next(room) {
    const entry = await this.#outbox.first(room)
    if (!entry) return false
    const wait = entry.due - Date.now()
    if (wait > 0 && wait <= BACKOFF_MAX_MS) return this.#later(room, wait) // more: the clock was set back
    return await this.#isMine(room) && this.#send(entry)
  }

  async #send(entry) {
    const {room, client_id, body, reply_to} = entry
    const answer = await chatSocket.request({type: 'message.post', room, client_id, body, reply_to}).catch(error => error)
    if (answer.type === 'ok') await this.#outbox.sent(client_id, answer.message)
    else if (!(answer instanceof CommandError)) return this.#unanswered(entry)
    else if (isPassing(answer.code)) await this.#postpone(entry, answer)
    else return this.#refused(entry, answer)
    return true
  }

  async #unanswered(entry) {
    if (chatSocket.state !== 'open') return false // the next connection sends it again
    await this.#postpone(entry, null)
    return true
  }

  async #postpone(entry, error) {
    await this.#outbox.postpone(entry, Date.now() + waitAfter(error, entry.tries), error?.code !== 'rate_limited')
  }

  /** Who is signed out meanwhile is forbidden to write as well: that waits until they are back. */
  async #refused(entry, error) {
    if (error.code === 'forbidden' && !await isMine()) return this.#later(entry.room, backoff(this.#asked++))
    await this.#outbox.refused(entry, error.message)
    return true
  }

  /** Another tab may have signed somebody else in: then this connection is theirs, and the page, too. */
  async #isMine(room) {
    const connection = this.#connection
    if (isSameSignIn() || this.#mine === connection) return true
    const answer = await isMine()
    if (connection !== this.#connection) return false
    if (answer === undefined) return this.#later(room, backoff(this.#asked++))
    if (answer) this.#mine = connection
    else location.reload()
    this.#asked = 0
    return answer
  }

  #later(room, milliseconds) {
    const lane = this.#lane(room)
    clearTimeout(lane.timer)
    lane.timer = setTimeout(() => this.run(room), milliseconds)
    return false
  }
}

/**
 * Runs `act` while no other tab runs something of that name. Where the browser has no locks, and where
 * the other tab sleeps with it, it is run all the same: the server knows a message by its `client_id`.
 */
async function alone(name, act) {
  if (!navigator.locks) return act()
  const patience = new AbortController()
  const timer = setTimeout(() => patience.abort(), LOCK_PATIENCE_MS)
  const locked = () => {
    clearTimeout(timer)
    return act()
  }
  try {
    return await navigator.locks.request(name, {signal: patience.signal}, locked)
  } catch (error) {
    if (!patience.signal.aborted) throw error
    return act()
  }
}
