// Keeping still what is being read: at the end new lines come into view, elsewhere nothing moves.

const NEAR_PX = 120

export class Scroll {
  #box

  constructor(box) {
    this.#box = box
    this.atEnd = true
    box.addEventListener('scroll', () => { this.atEnd = this.#isNearEnd() }, {passive: true})
    new ResizeObserver(() => this.atEnd && this.toEnd()).observe(box)
  }

  /** Changes the content: stays at the end if it stood there, else keeps the first line in view in its place. */
  steady(change) {
    if (this.atEnd) {
      change()
      this.toEnd()
      return
    }
    const anchor = this.#firstInView()
    const before = anchor?.getBoundingClientRect().top
    change()
    if (anchor?.isConnected) this.#box.scrollTop += anchor.getBoundingClientRect().top - before
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

  #isNearEnd() {
    const {scrollHeight, scrollTop, clientHeight} = this.#box
    return scrollHeight - scrollTop - clientHeight < NEAR_PX
  }

  #firstInView() {
    const top = this.#box.getBoundingClientRect().top
    return [...this.#box.querySelectorAll('.msg')].find(line => line.getBoundingClientRect().bottom > top)
  }
}
