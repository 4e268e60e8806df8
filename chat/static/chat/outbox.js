// What was written and isn't confirmed, in all rooms and all of this person's tabs: shown at once,
// kept over reloads, sent in order. A database per person: nobody sends what somebody else wrote.

import {onWake} from '/static/chatsite/waking.js'
import {chatSocket} from '/static/chatsite/sockets.js'
import {me} from '/static/chatsite/store.js'
import {OutboxStore} from './outboxstore.js'
import {Sending} from './sending.js'

const NAME = `outbox-${me.id}`

/**
 * Entries are `{client_id, room, room_name, body, reply_to, at, state, why, tries, due, trouble}`; `state` is
 * `pending` or `failed` (refused, `why` says it), `due` when it is tried again, in Unix milliseconds; `trouble`
 * that the server could not take it. The database is the truth of all tabs; what a page holds is its view of it.
 *
 * Events: `change` (detail: the entry) where one came or changed, `gone` (the entry) where it was
 * discarded, `sent` (the message) where the server has it.
 */
class Outbox extends EventTarget {
  #store = new OutboxStore(NAME)
  #tabs = 'BroadcastChannel' in globalThis ? new BroadcastChannel(NAME) : null
  #sending = new Sending(this)
  #entries = []
  #beingKept = new Set()
  #version = 0

  start() {
    this.#tabs?.addEventListener('message', ({data}) => {
      if (data.message) this.#confirm(data.message)
      this.#look()
    })
    chatSocket.addEventListener('statechange', () => {
      if (chatSocket.state === 'open') this.#look()
    })
    onWake(() => this.#look())
    addEventListener('beforeunload', event => {
      if (this.#entries.some(({unkept}) => unkept)) event.preventDefault()
    })
    this.#look()
  }

  get entries() { return this.#entries }

  /** `room`: its `id`, and its `name` for when it can be seen no more. */
  async post(room, body, replyTo) {
    const entry = {
      client_id: crypto.randomUUID(), room: room.id, room_name: room.name, body, reply_to: replyTo,
      at: new Date().toISOString(), state: 'pending', why: '', tries: 0, due: 0, trouble: false,
    }
    this.#beingKept.add(entry.client_id)
    this.#show([...this.#entries, entry])
    await this.#store.add(entry)
    this.#beingKept.delete(entry.client_id)
    this.#tell()
  }

  retry(clientId) {
    return this.#change(clientId, {state: 'pending', why: '', tries: 0, due: 0, trouble: false})
  }

  async discard(clientId) {
    this.#beingKept.delete(clientId)
    this.#show(this.#entries.filter(entry => entry.client_id !== clientId))
    await this.#store.remove(clientId)
    this.#tell()
  }

  // For who sends

  /** The oldest that waits in a room, as the database has it now. */
  async first(room) {
    await this.#refresh()
    return this.#entries.find(entry => entry.room === room && entry.state === 'pending' && !this.#beingKept.has(entry.client_id))
  }

  async sent(clientId, message) {
    this.#tabs?.postMessage({message})
    this.#confirm(message)
    await this.#store.remove(clientId)
    this.#tell()
  }

  refused({client_id: clientId}, why) {
    return this.#change(clientId, {state: 'failed', why, trouble: false})
  }

  postpone({client_id: clientId, tries}, due, trouble) {
    return this.#change(clientId, {tries: tries + 1, due, trouble})
  }

  async #change(clientId, changes) {
    this.#show(this.#entries.map(entry => entry.client_id === clientId ? {...entry, ...changes} : entry))
    await this.#store.change(clientId, changes)
    this.#tell()
  }

  #confirm(message) {
    this.#version += 1
    this.#entries = this.#entries.filter(entry => entry.client_id !== message.client_id)
    this.#dispatch('sent', message)
  }

  #tell() {
    this.#tabs?.postMessage({})
    this.#look()
  }

  async #look() {
    await this.#refresh()
    const waiting = this.#entries.filter(({state}) => state === 'pending')
    for (const room of new Set(waiting.map(entry => entry.room))) this.#sending.run(room)
  }

  /** Takes over what the database has. What happens here meanwhile is newer: then it is read again. */
  async #refresh() {
    let version, kept
    do {
      version = this.#version
      kept = await this.#store.all()
    } while (version !== this.#version)
    if (kept === null) return
    const known = new Set(kept.map(entry => entry.client_id))
    this.#show([...kept, ...this.#entries.filter(({client_id: id}) => this.#beingKept.has(id) && !known.has(id))])
  }

  #show(entries) {
    const before = new Map(this.#entries.map(entry => [entry.client_id, entry]))
    this.#version += 1
    this.#entries = entries
    for (const entry of entries) {
      if (JSON.stringify(entry) !== JSON.stringify(before.get(entry.client_id))) this.#dispatch('change', entry)
      before.delete(entry.client_id)
    }
    for (const entry of before.values()) this.#dispatch('gone', entry)
  }

  #dispatch(type, detail) {
    this.dispatchEvent(new CustomEvent(type, {detail}))
  }
}

export const outbox = new Outbox()
outbox.start()
