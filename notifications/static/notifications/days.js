// Entries of the inbox in sections by day, the newest first.

import {$, clone} from '/static/chatsite/dom.js'
import {dayKey, dayLabel} from '/static/chatsite/time.js'

export class Days {
  #sections = new Map() // day → section

  /** `end`: the element that the sections stand before. */
  constructor(end) {
    this.end = end
  }

  get isEmpty() {
    return this.#sections.size === 0
  }

  /** Puts an entry where its moment belongs; of two at the same moment the earlier one stays above. */
  insert(entry, moment) {
    entry.dataset.at = Date.parse(moment)
    const list = $('.entries', this.#section(moment))
    const later = [...list.children].find(other => Number(other.dataset.at) < Number(entry.dataset.at))
    list.insertBefore(entry, later ?? null)
  }

  remove(entry) {
    const section = entry.closest('section')
    entry.remove()
    if ($('.entry', section)) return
    section.remove()
    this.#sections.delete(section.dataset.day)
  }

  #section(moment) {
    const day = dayKey(moment)
    if (!this.#sections.has(day)) this.#sections.set(day, this.#newSection(day, moment))
    return this.#sections.get(day)
  }

  #newSection(day, moment) {
    const section = clone('day-template')
    const title = $('h2', section)
    title.id = `day-${day}`
    title.textContent = dayLabel(moment)
    section.dataset.day = day
    section.setAttribute('aria-labelledby', title.id)
    const earlier = [...this.#sections].filter(([other]) => other < day).sort().at(-1)?.[1]
    ;(earlier ?? this.end).before(section)
    return section
  }
}
