// What counts as read: the newest message is in view and the page has the reader's attention.

import {$} from '/static/chatsite/dom.js'
import {fill, gettext, ngettext} from '/static/chatsite/i18n.js'
import {NotConnected} from '/static/chatsite/socket.js'
import {chatSocket} from '/static/chatsite/sockets.js'

const AT_MOST_EVERY_MS = 500

export class Reading {
  #room
  #timeline
  #pill = $('.newest')
  #read
  #missed = 0
  #timer = 0

  constructor(room, timeline, box, signal) {
    this.#room = room
    this.#timeline = timeline
    this.#read = room.last_read_seq
    box.addEventListener('scroll', () => this.look(), {passive: true, signal})
    for (const event of ['focus', 'visibilitychange']) addEventListener(event, () => this.look(), {capture: true, signal})
    chatSocket.addEventListener('statechange', () => this.look(), {signal})
  }

  /** The room is left: what was read and not told yet is told now. */
  leave() {
    if (this.#timer) this.#tell()
    this.#pill.hidden = true
  }

  get isAttentive() {
    return document.visibilityState === 'visible' && document.hasFocus() && this.#isAtNewest
  }

  get #isAtNewest() {
    return this.#timeline.scroll.atEnd && !this.#timeline.hasLater
  }

  /** A new message came from somebody else. */
  missed(message) {
    if (this.isAttentive || message.kind === 'system') return
    const line = this.#timeline.newLine
    if (!line || Number(line.dataset.seq) <= this.#read) this.#timeline.markNew(message.seq - 1)
    if (!this.#isAtNewest) this.#missed += 1
    this.look()
  }

  /** Looks at what is in view, and says so where it was not said yet. */
  look() {
    if (this.#isAtNewest) this.#missed = 0
    this.#showPill()
    if (this.isAttentive) this.#mark()
  }

  #showPill() {
    const hidden = this.#isAtNewest || this.#timeline.isEmpty
    const text = this.#missed ? fill(ngettext('%(n)s new', '%(n)s new', this.#missed), {n: this.#missed}) : ''
    this.#pill.hidden = hidden
    if (hidden) return
    $('b', this.#pill).textContent = text
    this.#pill.ariaLabel = text ? `${text}: ${gettext('to the newest')}` : gettext('To the newest')
  }

  #mark() {
    const seq = this.#timeline.newest?.seq ?? 0
    if (!this.#room.role || seq <= this.#read) return
    document.dispatchEvent(new CustomEvent('room:read', {detail: {room: this.#room.id, seq}}))
    this.#timer ||= setTimeout(() => this.#tell(), AT_MOST_EVERY_MS)
  }

  async #tell() {
    clearTimeout(this.#timer)
    this.#timer = 0
    const seq = this.#timeline.newest?.seq ?? 0
    if (seq <= this.#read || chatSocket.state !== 'open') return
    const before = this.#read
    this.#read = seq
    try {
      await chatSocket.request({type: 'room.read', room: this.#room.id, seq})
    } catch (error) {
      const isTooFast = error.code === 'rate_limited'
      if (isTooFast || error instanceof NotConnected) this.#read = before // the next connection looks again
      if (isTooFast) this.#timer ||= setTimeout(() => this.#tell(), error.retryAfter * 1000)
    }
  }
}
