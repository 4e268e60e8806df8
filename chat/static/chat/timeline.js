// The messages on the page, in order; which follow each other, where days and what is new begin.

import {$, $$, clone} from '/static/chatsite/dom.js'
import {fill, gettext} from '/static/chatsite/i18n.js'
import {clock} from '/static/chatsite/time.js'
import {me} from '/static/chatsite/store.js'
import {arrange, remove} from './arranging.js'
import {draw} from './message.js'
import {meet} from './people.js'
import {Scroll} from './scroll.js'

/** Messages of a page of history, and all that a room seen before begins with: each has to be drawn anew. */
export const PAGE = 50
const KEPT = 300

/**
 * Confirmed messages stand by `seq`; those on their way stand behind them in the order written.
 * An entry is `{message, node, day}`: the article, and the day's heading before it, if it begins one.
 */
export class Timeline {
  #box
  #signal
  #entries = []
  #pending = []
  #quotes = new Map()
  #newLine = null
  #hasLater = false
  #below = 0
  #held = null
  hasEarlier = false
  writes = true

  /** Until `signal` is aborted: then the box is empty again, and nothing comes into it from here. */
  constructor(box, signal) {
    this.#box = box
    this.#signal = signal
    this.scroll = new Scroll(box, signal)
    signal.addEventListener('abort', () => { for (const line of $$('.msg, .day, .new', box)) line.remove() }, {once: true})
  }

  get newest() { return this.#entries.at(-1)?.message ?? null }
  get oldest() { return this.#entries[0]?.message ?? null }
  /** Whether newer messages exist that don't stand here. */
  get hasLater() { return this.#hasLater || this.#below > (this.newest?.seq ?? 0) }
  get isEmpty() { return this.#entries.length + this.#pending.length === 0 }
  /** Whether nobody has said anything here. */
  get isSilent() { return this.#all().every(({message}) => message.kind === 'system') }

  byId(id) { return this.#entries.find(({message}) => message.id === id)?.message ?? null }
  /** The message, on the page or quoted on it. */
  known(id) { return this.byId(id) ?? this.#quotes.get(id) ?? null }
  nodeOf(id) { return this.#entries.find(({message}) => message.id === id)?.node ?? null }
  messageOf(node) { return this.#all().find(entry => entry.node === node)?.message ?? null }

  /** My newest message that can still be edited. */
  myLast() {
    return this.#entries.findLast(({message}) => message.author.id === me.id && message.kind === 'text' && !message.deleted_at)?.message ?? null
  }

  /** The newest messages, to begin with when somebody comes back: a page; null where they don't stand here. */
  get page() {
    if (this.hasLater || this.#held) return null
    const kept = this.#entries.slice(-PAGE).map(({message}) => message)
    const quoted = kept.map(message => this.known(message.reply_to)).filter(Boolean)
    return {messages: kept, quoted, has_more: this.hasEarlier || this.#entries.length > kept.length}
  }

  /** Keeps events back until `replace` or `release`: a page of history is on its way. */
  hold() {
    this.#held ??= []
  }

  release() {
    const held = this.#held ?? []
    this.#held = null
    for (const message of held) this.upsert(message)
  }

  /** Starts afresh from a page of history; says whether there is more on either side of it. */
  replace({messages, quoted = []}, {hasEarlier, hasLater}) {
    for (const entry of this.#entries) remove(entry)
    this.#entries = []
    this.hasEarlier = hasEarlier
    this.#hasLater = hasLater
    this.#below = 0
    this.scroll.steady(() => this.#add(messages, quoted))
    this.release()
  }

  addEarlier({messages, quoted, has_more: hasEarlier}) {
    this.hasEarlier = hasEarlier
    this.scroll.still(() => this.#add(messages, quoted, () => this.#dropNewest()))
  }

  addLater({messages, quoted, has_more: hasLater}) {
    this.#hasLater = hasLater
    this.scroll.still(() => this.#add(messages, quoted, () => this.#dropOldest()))
  }

  #add(messages, quoted, trim) {
    for (const message of quoted) this.#quotes.set(message.id, message)
    for (const message of messages) this.#put(message)
    trim?.()
    this.#arrange()
  }

  /** An event: a message as it now is. Gives true where it is new, be it too far below to stand here. */
  upsert(message) {
    if (this.#signal.aborted) return false
    if (this.#held) {
      this.#held.push(message)
      return false
    }
    if (this.#isElsewhere(message)) {
      this.#requote(message)
      return message.seq > this.newest.seq
    }
    let isNew
    this.scroll.steady(() => {
      isNew = this.#put(message)
      if (this.scroll.atEnd) this.#dropOldest()
      else this.#dropNewest()
      this.#arrange()
    })
    if (!isNew) this.#requote(message)
    return isNew
  }

  /** Shows what is on its way, an entry of the outbox, where its place is among the others. */
  showPending(sent) {
    if (this.#entries.some(({message}) => message.client_id === sent.client_id)) return // it arrived, but the answer did not
    this.#keepQuote(this.known(sent.reply_to))
    const message = {kind: 'text', author: me, html: '', reactions: [], deleted_at: null, edited_at: null, created_at: sent.at, ...sent}
    this.scroll.steady(() => {
      const entry = this.#pending.find(({message: {client_id: id}}) => id === sent.client_id)
      if (entry) Object.assign(entry, {message, drawn: null})
      else this.#pending.push(this.#entry(message))
      this.#pending.sort((a, b) => placeOf(a) - placeOf(b))
      this.#arrange()
    })
  }

  dropPending(clientId) {
    const entry = this.#takePending(clientId)
    if (!entry) return
    this.scroll.steady(() => {
      remove(entry)
      this.#arrange()
    })
  }

  /** Draws one again, say after editing was left. */
  redraw(id) {
    const entry = this.#entries.find(({message}) => message.id === id)
    if (!entry) return
    entry.drawn = null
    this.scroll.steady(() => this.#arrange())
  }

  redrawAll() {
    for (const entry of this.#all()) entry.drawn = null
    this.scroll.steady(() => this.#arrange())
  }

  /** Puts the amber line before the first message after `seq` that somebody else wrote. */
  markNew(seq) {
    const first = this.#entries.find(({message}) => message.seq > seq && message.author.id !== me.id && message.kind !== 'system')
    if (!first) return
    this.#newLine?.remove()
    this.#newLine = clone('t-new')
    const label = fill(gettext('New since %(time)s'), {time: clock(first.message.created_at)})
    $('span', this.#newLine).textContent = label
    this.#newLine.ariaLabel = label
    this.#newLine.dataset.seq = first.message.seq
    this.scroll.steady(() => this.#arrange())
  }

  get newLine() { return this.#newLine }

  #all() { return [...this.#entries, ...this.#pending] }

  #isElsewhere({id, seq}) {
    if (this.byId(id)) return false
    if (this.oldest && seq < this.oldest.seq) return this.hasEarlier
    if (this.hasLater) this.#below = Math.max(this.#below, seq)
    return this.hasLater
  }

  #put(message) {
    meet(message.author)
    const known = this.#entries.find(entry => entry.message.id === message.id)
    if (known) {
      if (message.changed_seq > known.message.changed_seq) Object.assign(known, {message, drawn: null})
      return false
    }
    const entry = this.#takePending(message.client_id, message.author.id) ?? this.#entry(message)
    Object.assign(entry, {message, drawn: null})
    const at = this.#entries.findLastIndex(other => other.message.seq < message.seq) + 1
    this.#entries.splice(at, 0, entry)
    return true
  }

  #entry(message) {
    return {message, node: clone('t-msg'), day: null, drawn: null}
  }

  #takePending(clientId, author = me.id) {
    const at = author === me.id ? this.#pending.findIndex(({message}) => message.client_id === clientId) : -1
    return at < 0 ? null : this.#pending.splice(at, 1)[0]
  }

  /** Keeps the document small; what goes comes back when somebody scrolls there. */
  #dropOldest() {
    const surplus = this.#entries.length - KEPT
    if (surplus <= 0) return
    this.#drop(0, surplus)
    this.hasEarlier = true
  }

  #dropNewest() {
    if (this.#entries.length <= KEPT) return
    this.#drop(KEPT)
    this.#hasLater = true
  }

  #drop(from, count = Infinity) {
    for (const entry of this.#entries.splice(from, count)) {
      remove(entry)
      this.#keepQuote(entry.message)
    }
  }

  #keepQuote(message) {
    if (message) this.#quotes.set(message.id, message)
  }

  /** A message changed: so do the lines that quote it. */
  #requote(message) {
    if (this.#quotes.has(message.id)) this.#quotes.set(message.id, message)
    const quoting = this.#all().filter(entry => entry.message.reply_to === message.id)
    for (const entry of quoting) entry.drawn = null
    if (quoting.length) this.scroll.steady(() => this.#arrange())
  }

  #arrange() {
    arrange(this.#all(), $('.beginning', this.#box), this.#newLine, (entry, follows) => this.#draw(entry, follows))
  }

  #draw(entry, followsPrevious) {
    const state = followsPrevious ? 'follows' : 'starts'
    if (entry.drawn === state || 'editing' in entry.node.dataset) return
    entry.drawn = state
    const {message} = entry
    const quoted = message.reply_to && this.known(message.reply_to)
    draw(entry.node, message, {follows: followsPrevious, quoted, writes: this.writes})
  }
}

/** What is being kept just now has no place yet: it is the newest. */
function placeOf({message: {place = Number.MAX_SAFE_INTEGER}}) {
  return place
}
