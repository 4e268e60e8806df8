// Older and newer pages of a room's history, over HTTP.

import {$, clone} from '/static/chatsite/dom.js'
import {api} from '/static/chatsite/api.js'
import {PAGE} from './timeline.js'

const NEAR_PX = 400
const AGAIN_MS = 3_000

export class History {
  #room
  #timeline
  #box
  #shown
  #signal
  #loading = false
  #generation = 0

  /** `shown()` is called when what stands at the top may have changed. */
  constructor(room, timeline, box, shown, signal) {
    this.#signal = signal
    this.#room = room
    this.#timeline = timeline
    this.#box = box
    this.#shown = shown
    this.button = $('.history-end', box)
    $('button', this.button).addEventListener('click', () => this.earlier(), {signal})
    box.addEventListener('scroll', () => setTimeout(() => this.#onScroll()), {passive: true, signal})
  }

  /** The newest page instead of what stands here. What happens meanwhile comes on top. */
  async reload() {
    return this.#startAfresh('', page => ({hasEarlier: page.has_more, hasLater: false}))
  }

  /** As `reload`, for a stream that starts afresh: what stands here can't be trusted, so it is tried until it works. */
  async reset() {
    if (!await this.reload() && !this.#signal.aborted) setTimeout(() => this.reset(), AGAIN_MS)
  }

  /** The page around a message, for who was led to it. */
  async goTo(seq) {
    const after = Math.max(0, seq - PAGE / 2)
    return this.#startAfresh(`after=${after}`, page => ({hasEarlier: after > 0, hasLater: page.has_more}))
  }

  /** Gives false where the server can't be reached; then all stays as it is. */
  async #startAfresh(bounds, ends) {
    this.#timeline.hold()
    const page = await this.#page(bounds)
    if (page) {
      this.#generation += 1 // pages under way belong to what stood here before
      this.#timeline.replace(page, ends(page))
    } else {
      this.#timeline.release()
    }
    this.show()
    return Boolean(page)
  }

  async earlier() {
    const {oldest} = this.#timeline
    if (this.#loading || !this.#timeline.hasEarlier || !oldest) return
    const page = await this.#another(`before=${oldest.seq}`, this.button)
    if (page) this.#timeline.addEarlier(page)
    this.show()
  }

  async later() {
    const {newest} = this.#timeline
    if (this.#loading || !this.#timeline.hasLater || !newest) return
    const page = await this.#another(`after=${newest.seq}`)
    if (page) this.#timeline.addLater(page)
    this.show()
  }

  show() {
    if (this.#signal.aborted) return
    this.button.hidden = !this.#timeline.hasEarlier
    this.#shown()
  }

  /** After the frame: the place is known then without another layout, and what is shown first isn't held up. */
  #onScroll() {
    if (this.#signal.aborted) return
    const {scrollTop, scrollHeight, clientHeight} = this.#box
    if (scrollTop < NEAR_PX) this.earlier()
    else if (scrollHeight - scrollTop - clientHeight < NEAR_PX) this.later()
  }

  /** A page that joins what stands here; null where it failed or stands here no more. */
  async #another(bounds, place = null) {
    const generation = this.#generation
    const skeleton = clone('t-skeleton')
    this.#loading = true
    if (place) this.#timeline.scroll.steady(() => place.after(skeleton))
    const page = await this.#page(bounds)
    if (place) this.#timeline.scroll.steady(() => skeleton.remove())
    this.#loading = false
    return generation === this.#generation ? page : null
  }

  /** Null where the server can't be reached, the button stays for another try; or where the room was left meanwhile. */
  async #page(bounds) {
    const page = await api('GET', `/api/rooms/${this.#room}/messages?limit=${PAGE}&${bounds}`).catch(() => null)
    return this.#signal.aborted ? null : page
  }
}
