// Keeping still what is being read: at the end new lines come into view, elsewhere nothing moves.

const NEAR_PX = 120

export class Scroll {
  #box
  #height = 0

  constructor(box) {
    this.#box = box
    this.atEnd = true
    box.addEventListener('scroll', () => this.#onScroll(), {passive: true})
    new ResizeObserver(() => this.#onResize()).observe(box)
  }

  /** Changes the content: stays at the end if it stood there, else keeps still. */
  steady(change) {
    if (this.atEnd) {
      change()
      this.toEnd()
    } else {
      this.still(change)
    }
  }

  /** Changes the content and keeps the first line in view in its place. */
  still(change) {
    const anchor = this.#firstInView()
    const before = anchor?.getBoundingClientRect().top
    change()
    if (anchor?.isConnected) this.#box.scrollTop += anchor.getBoundingClientRect().top - before
    this.atEnd = this.#isNearEnd()
  }

  toEnd() {
    this.#box.scrollTop = this.#box.scrollHeight
    this.atEnd = true
  }

  /** Brings an element into the middle, once. */
  to(element) {
    element.scrollIntoView({block: 'center'})
    this.atEnd = this.#isNearEnd()
  }

  #onScroll() {
    // While the box has just changed its size, say under a growing message box, nobody has scrolled.
    if (this.#box.clientHeight === this.#height) this.atEnd = this.#isNearEnd()
  }

  #onResize() {
    this.#height = this.#box.clientHeight
    if (this.atEnd) this.toEnd()
  }

  #isNearEnd() {
    const {scrollHeight, scrollTop, clientHeight} = this.#box
    return scrollHeight - scrollTop - clientHeight < NEAR_PX
  }

  #firstInView() {
    const top = this.#box.getBoundingClientRect().top
    return [...this.#box.querySelectorAll('.msg')].find(line => line.getBoundingClientRect().bottom > top)
  }
}
