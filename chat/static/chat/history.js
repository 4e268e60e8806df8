// Older and newer pages of a room's history, over HTTP.

import {$, clone} from '/static/chatsite/dom.js'
import {api} from '/static/chatsite/api.js'

const PAGE = 50
const NEAR_PX = 400

export class History {
  #room
  #timeline
  #box
  #shown
  #loading = false

  /** `shown()` is called when what stands at the top may have changed. */
  constructor(room, timeline, box, shown) {
    this.#room = room
    this.#timeline = timeline
    this.#box = box
    this.#shown = shown
    this.button = $('.history-end', box)
    $('button', this.button).addEventListener('click', () => this.earlier())
    box.addEventListener('scroll', () => this.#onScroll(), {passive: true})
  }

  /** The newest page instead of what stands here. */
  async reload() {
    const page = await this.#page('')
    if (page) this.#timeline.replace(page)
    this.show()
  }

  async earlier() {
    const {oldest} = this.#timeline
    if (!this.#timeline.hasEarlier || !oldest) return
    const page = await this.#page(`before=${oldest.seq}`, this.button)
    if (page) {
      this.#timeline.add(page.messages, page.quoted)
      this.#timeline.hasEarlier = page.has_more
      this.#timeline.trimAway()
    }
    this.show()
  }

  async later() {
    const {newest} = this.#timeline
    if (!this.#timeline.hasLater || !newest) return
    const page = await this.#page(`after=${newest.seq}`)
    if (!page) return
    this.#timeline.hasLater = page.has_more
    this.#timeline.add(page.messages, page.quoted)
  }

  show() {
    this.button.hidden = !this.#timeline.hasEarlier
    this.#shown()
  }

  #onScroll() {
    const {scrollTop, scrollHeight, clientHeight} = this.#box
    if (scrollTop < NEAR_PX) this.earlier()
    else if (scrollHeight - scrollTop - clientHeight < NEAR_PX) this.later()
  }

  /** A page, or null where one is under way or the server can't be reached; the button stays for another try. */
  async #page(bounds, place = null) {
    if (this.#loading) return null
    this.#loading = true
    const skeleton = clone('t-skeleton')
    if (place) this.#timeline.scroll.steady(() => place.after(skeleton))
    try {
      return await api('GET', `/api/rooms/${this.#room}/messages?limit=${PAGE}&${bounds}`)
    } catch {
      return null
    } finally {
      if (place) this.#timeline.scroll.steady(() => skeleton.remove())
      this.#loading = false
    }
  }
}
