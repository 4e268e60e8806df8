// What was written and isn't confirmed: sent in order, kept over reloads, never sent twice.
// Each text has its own key in localStorage, so that several tabs don't overwrite each other;
// its `client_id` makes sending it again harmless.

import {CommandError} from '/static/chatsite/socket.js'
import {chatSocket} from '/static/chatsite/sockets.js'
import {me} from '/static/chatsite/store.js'
import {load, save} from './keeping.js'

const AGAIN_MS = 5_000

export class Outbox {
  #room
  #timeline
  #queue = []
  #busy = false

  constructor(room, timeline) {
    this.#room = room
    this.#timeline = timeline
  }

  /** Takes up what an earlier page left, and sends whenever there is a connection. */
  start() {
    this.#queue = load(this.#prefix()).sort((a, b) => a.at.localeCompare(b.at))
    for (const entry of this.#queue) this.#timeline.showPending(entry)
    chatSocket.addEventListener('statechange', () => this.#send())
    chatSocket.on('message.posted', ({message}) => {
      if (message.author.id === me.id) this.#forget(message.client_id)
    })
    this.#send()
  }

  post(body, replyTo) {
    const entry = {client_id: crypto.randomUUID(), body, reply_to: replyTo, at: new Date().toISOString(), state: 'pending'}
    this.#queue.push(entry)
    this.#keep(entry)
    this.#send()
  }

  retry(clientId) {
    const entry = this.#find(clientId)
    if (!entry) return
    Object.assign(entry, {state: 'pending', why: ''})
    this.#keep(entry)
    this.#send()
  }

  discard(clientId) {
    this.#forget(clientId)
    this.#timeline.dropPending(clientId)
  }

  async #send() {
    if (this.#busy) return
    this.#busy = true
    let entry
    while (chatSocket.state === 'open' && (entry = this.#queue.find(({state}) => state === 'pending'))) {
      if (!await this.#sendOne(entry)) break
    }
    this.#busy = false
  }

  /** Gives false where the rest has to wait. */
  async #sendOne(entry) {
    const {client_id, body, reply_to} = entry
    try {
      const {message} = await chatSocket.request({type: 'message.post', room: this.#room, client_id, body, reply_to})
      this.#forget(client_id)
      this.#timeline.upsert(message)
      return true
    } catch (error) {
      if (!(error instanceof CommandError)) return false // no answer: it goes out again on the next connection
      return this.#refused(entry, error)
    }
  }

  #refused(entry, {code, message, retryAfter}) {
    if (code === 'rate_limited' || code === 'internal') {
      setTimeout(() => this.#send(), retryAfter ? retryAfter * 1000 : AGAIN_MS)
      return false
    }
    Object.assign(entry, {state: 'failed', why: message})
    this.#keep(entry)
    return true
  }

  #keep(entry) {
    save(this.#prefix() + entry.client_id, entry)
    this.#timeline.showPending(entry)
  }

  #forget(clientId) {
    save(this.#prefix() + clientId, null)
    this.#queue = this.#queue.filter(entry => entry.client_id !== clientId)
  }

  #find(clientId) { return this.#queue.find(entry => entry.client_id === clientId) }

  #prefix() { return `outbox:${me.id}:${this.#room}:` }
}
