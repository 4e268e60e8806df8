// What counts as read: the newest message is in view and the page has the reader's attention.

import {$} from '/static/chatsite/dom.js'
import {fill, gettext, ngettext} from '/static/chatsite/i18n.js'
import {chatSocket} from '/static/chatsite/sockets.js'
import {moveMark} from './readmarks.js'

export class Reading {
  #room
  #timeline
  #pill = $('.newest')
  #read
  #missed = 0

  constructor(room, timeline, box, signal) {
    this.#room = room
    this.#timeline = timeline
    this.#read = room.last_read_seq
    box.addEventListener('scroll', () => this.look(), {passive: true, signal})
    for (const event of ['focus', 'visibilitychange']) addEventListener(event, () => this.look(), {capture: true, signal})
    chatSocket.addEventListener('statechange', () => this.look(), {signal})
  }

  leave() {
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

  /** Looks at what is in view, and notes what was not read before. */
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
    this.#read = seq
    moveMark(this.#room.id, seq)
  }
}
