// One socket that stays: it reconnects, resumes every stream where it stood, and answers requests.

import {backoff, isPassing, verdict, waitAfter} from './cursor.js'
import {onWake} from './waking.js'

const SILENCE_MS = 45_000
const REQUEST_TIMEOUT_MS = 10_000
const PROBE_TIMEOUT_MS = 5_000
const QUIET_MS = 25_000
const HANDSHAKE_MS = 5_000
const LASTING_MS = 5_000 // a shorter connection doesn't end the backing off: the server may close each at once
const CLOSE_SIGNED_OUT = 4401
const CLOSE_GIVEN_UP = 4000
const NEVER = Infinity

/** A refusal of a command, by the contract. */
export class CommandError extends Error {
  constructor({code, message, field = null, retry_after: retryAfter = null}) {
    super(message)
    Object.assign(this, {code, field, retryAfter})
  }
}

/** The command may or may not have arrived: there is no connection, or no answer came. */
export class NotConnected extends Error {}

/**
 * Events: `statechange`; `reset` (detail `{stream, ok}`) when a stream starts afresh;
 * `signedout` when the server says so; `refused` when a handshake fails.
 */
export class StreamSocket extends EventTarget {
  #path
  #socket = null
  #attempt = 0
  #timers = {retry: 0, silence: 0, probe: 0}
  #lastWord = 0
  #openedAt = NEVER
  #nextRef = 1
  #requests = new Map()
  #streams = new Map()
  #handlers = new Map()
  state = 'connecting'

  constructor(path) {
    super()
    this.#path = path
    onWake(() => this.retryNow())
    addEventListener('offline', () => this.#probe())
    this.#connect()
  }

  /** Calls `handler(event)` once per applied event of a type, in order, until `signal` is aborted. Gives a function that ends it, too. */
  on(type, handler, signal) {
    if (!this.#handlers.has(type)) this.#handlers.set(type, new Set())
    const end = () => this.#handlers.get(type).delete(handler)
    this.#handlers.get(type).add(handler)
    signal?.addEventListener('abort', end, {once: true})
    return end
  }

  /** Sends a command and gives its `ok`. Throws `CommandError`, or `NotConnected` where no answer came. */
  request(command, timeout = REQUEST_TIMEOUT_MS) {
    if (this.state !== 'open') return Promise.reject(new NotConnected())
    const ref = String(this.#nextRef++)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#requests.delete(ref)
        reject(new NotConnected())
        this.#probe()
      }, timeout)
      this.#requests.set(ref, {resolve, reject, timer})
      this.#socket.send(JSON.stringify({...command, ref}))
    })
  }

  /** Sends what needs no answer, if there is a connection. */
  tell(command) {
    if (this.state === 'open') this.#socket.send(JSON.stringify(command))
  }

  /**
   * Follows a stream from after `after` (null: from now). `onOk(ok)` at every (re)subscription,
   * `onReset(ok)` when the history has to be loaded anew, `onGone(error)` when it may not be followed.
   * Until `signal` is aborted; the stream is left with the last who follows it.
   */
  follow(stream, {after = null, epoch = null, onOk, onReset, onGone, signal} = {}) {
    const listener = {onOk, onReset, onGone}
    const followed = this.#streams.get(stream)
    if (followed) {
      followed.listeners.add(listener)
      if (after !== null && (followed.position === null || after < followed.position)) followed.position = after
    } else {
      this.#streams.set(stream, {position: after, epoch, subscribing: false, tries: 0, listeners: new Set([listener])})
    }
    signal?.addEventListener('abort', () => this.#leave(stream, listener), {once: true})
    if (this.state === 'open') this.#subscribe(stream)
  }

  #leave(stream, listener) {
    const listeners = this.#streams.get(stream)?.listeners
    if (listeners?.delete(listener) && listeners.size === 0) this.unfollow(stream)
  }

  unfollow(stream) {
    if (this.#streams.delete(stream)) this.tell({type: 'stream.unsubscribe', stream})
  }

  /** Tries at once instead of at the end of the wait; asks a quiet connection whether it lives. */
  retryNow() {
    const quiet = Date.now() - this.#lastWord
    if (this.state === 'waiting') this.#connect()
    else if (this.state === 'open' && quiet > QUIET_MS) this.#probe()
    else if (this.state === 'connecting' && quiet > HANDSHAKE_MS) this.#giveUp()
  }

  #connect() {
    clearTimeout(this.#timers.retry)
    this.#become('connecting')
    this.#lastWord = Date.now()
    this.#openedAt = NEVER
    const url = new URL(this.#path, location.href)
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
    const socket = this.#socket = new WebSocket(url)
    socket.onopen = () => this.#opened()
    socket.onmessage = ({data}) => this.#heard(data)
    socket.onclose = ({code}) => {
      if (socket === this.#socket) this.#closed(code)
    }
    this.#listen()
  }

  #opened() {
    this.#openedAt = Date.now()
    this.#become('open')
    for (const [stream, followed] of this.#streams) {
      followed.subscribing = false
      this.#subscribe(stream)
    }
  }

  #closed(code) {
    clearTimeout(this.#timers.silence)
    clearTimeout(this.#timers.probe)
    if (Date.now() - this.#openedAt > LASTING_MS) this.#attempt = 0
    this.#socket = null
    this.#become('waiting')
    for (const {reject, timer} of this.#requests.values()) {
      clearTimeout(timer)
      reject(new NotConnected())
    }
    this.#requests.clear()
    if (code === CLOSE_SIGNED_OUT) {
      this.dispatchEvent(new Event('signedout'))
      return
    }
    if (this.#openedAt === NEVER) this.dispatchEvent(new Event('refused'))
    this.#timers.retry = setTimeout(() => this.#connect(), backoff(this.#attempt++))
  }

  /** Gives a connection up without waiting for the other side, which may never answer. */
  #giveUp() {
    const socket = this.#socket
    if (!socket) return
    socket.onclose = socket.onmessage = socket.onopen = null
    socket.close(CLOSE_GIVEN_UP)
    this.#closed(CLOSE_GIVEN_UP)
  }

  #become(state) {
    if (this.state === state) return
    this.state = state
    this.dispatchEvent(new Event('statechange'))
  }

  #listen() {
    clearTimeout(this.#timers.silence)
    this.#timers.silence = setTimeout(() => this.#giveUp(), SILENCE_MS)
  }

  #probe() {
    if (this.state !== 'open') return
    clearTimeout(this.#timers.probe)
    this.#timers.probe = setTimeout(() => this.#giveUp(), PROBE_TIMEOUT_MS)
    this.tell({type: 'ping'})
  }

  #heard(text) {
    this.#lastWord = Date.now()
    clearTimeout(this.#timers.probe)
    this.#listen()
    const message = JSON.parse(text)
    if (message.type === 'ok' || message.type === 'error') this.#answered(message)
    else if (message.type === 'heartbeat') this.#compare(message.heads)
    else if (message.seq !== undefined) this.#place(message)
    else this.#apply(message)
  }

  #answered(message) {
    const request = this.#requests.get(message.ref)
    if (!request) return
    this.#requests.delete(message.ref)
    clearTimeout(request.timer)
    if (message.type === 'ok') request.resolve(message)
    else request.reject(new CommandError(message))
  }

  #compare(heads) {
    for (const [stream, head] of Object.entries(heads)) {
      const followed = this.#streams.get(stream)
      if (followed && followed.position !== null && followed.position < head) this.#subscribe(stream)
    }
  }

  #place(event) {
    const followed = this.#streams.get(event.stream)
    if (!followed || followed.position === null) return
    const what = verdict(event, followed.position)
    if (what === 'hole') this.#subscribe(event.stream)
    if (what !== 'apply') return
    followed.position = event.seq
    this.#apply(event)
  }

  #apply(event) {
    for (const handler of this.#handlers.get(event.type) ?? []) {
      try {
        handler(event)
      } catch (error) {
        reportError(error) // one broken handler must not stop the stream
      }
    }
  }

  async #subscribe(stream) {
    const followed = this.#streams.get(stream)
    if (!followed || followed.subscribing) return
    followed.subscribing = true
    const {position: after, epoch} = followed
    try {
      const ok = await this.request({type: 'stream.subscribe', stream, after, ...(epoch && {epoch})})
      this.#subscribed(followed, stream, after, ok) // still before the next frame: awaiting ends in a microtask
    } catch (error) {
      this.#notSubscribed(followed, stream, error)
    }
  }

  #subscribed(followed, stream, after, ok) {
    followed.subscribing = false
    followed.tries = 0
    followed.epoch = ok.epoch
    if (ok.reset || followed.position === null) followed.position = ok.head
    else if (followed.position < after) this.#subscribe(stream) // somebody came meanwhile who stands further back
    for (const {onOk, onReset} of followed.listeners) {
      onOk?.(ok)
      if (ok.reset) onReset?.(ok)
    }
    if (ok.reset) this.dispatchEvent(new CustomEvent('reset', {detail: {stream, ok}}))
  }

  #notSubscribed(followed, stream, error) {
    followed.subscribing = false
    if (error instanceof NotConnected) {
      if (this.state === 'open') this.#giveUp() // a new connection subscribes again
      return
    }
    if (isPassing(error.code)) {
      setTimeout(() => this.#subscribe(stream), waitAfter(error, followed.tries++))
      return
    }
    if (this.#streams.get(stream) === followed) this.#streams.delete(stream)
    for (const {onGone} of followed.listeners) onGone?.(error)
  }
}
