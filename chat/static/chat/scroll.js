// Keeping still what is being read: at the end new lines come into view, elsewhere nothing moves.
// When its room is left (`signal`) the box is somebody else's: then nothing is changed any more.

const NEAR_PX = 120

export class Scroll {
  #box
  #signal
  #height = 0

  constructor(box, signal) {
    this.#box = box
    this.#signal = signal
    this.atEnd = true
    box.addEventListener('scroll', () => this.#onScroll(), {passive: true, signal})
    const sizes = new ResizeObserver(() => this.#onResize())
    sizes.observe(box)
    signal.addEventListener('abort', () => sizes.disconnect(), {once: true})
  }

  /** Where the reader is: `{atEnd}`, or `{line, top}`, the first article in view and its distance from the box's top (px). */
  get place() {
    const line = this.atEnd ? null : this.#firstInView()
    return line ? {line, top: line.getBoundingClientRect().top - this.#box.getBoundingClientRect().top} : {atEnd: true}
  }

  /** Changes the content: stays at the end if it stood there, else keeps still. */
  steady(change) {
    if (this.#signal.aborted) return
    if (this.atEnd) {
      change()
      this.toEnd()
    } else {
      this.still(change)
    }
  }

  /** Changes the content and keeps the first line in view in its place. */
  still(change) {
    if (this.#signal.aborted) return
    const anchor = this.#firstInView()
    const before = anchor?.getBoundingClientRect().top
    change()
    if (anchor?.isConnected) this.#box.scrollTop += anchor.getBoundingClientRect().top - before
    this.atEnd = this.#isNearEnd()
  }

  toEnd() {
    if (this.#signal.aborted) return
    this.#box.scrollTop = this.#box.scrollHeight
    this.atEnd = true
  }

  /** Brings an element into the middle, once; or to a distance from the box's top (px). */
  to(element, top = null) {
    if (top === null) element.scrollIntoView({block: 'center'})
    else this.#box.scrollTop += element.getBoundingClientRect().top - this.#box.getBoundingClientRect().top - top
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
