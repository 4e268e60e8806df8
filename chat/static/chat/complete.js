// Suggestions while somebody types: @people and :emoji:, in one list above the field.

import {avatar, element} from '/static/chatsite/dom.js'
import {plain, rank} from '/static/chatsite/match.js'
import {EMOJI} from './emoji.js'
import {replace} from './format.js'

const WORD = /(?:^|[\s(])([@:])([\p{L}\p{N}_.+-]*)$/u
const EMOJI_FROM_LETTERS = 2
const SHOWN = 6

export class Completion {
  #field
  #list
  #people
  #found = []
  #chosen = 0
  #start = 0

  /** `people()` gives those who can be mentioned. */
  constructor(field, list, people, signal) {
    this.#field = field
    this.#list = list
    this.#people = people
    field.addEventListener('input', () => this.#look(), {signal})
    field.addEventListener('blur', () => this.#close(), {signal})
    list.addEventListener('pointerdown', event => {
      event.preventDefault() // the field keeps the focus
      const item = event.target.closest('li')
      if (item) this.#take(Number(item.dataset.index))
    }, {signal})
    signal?.addEventListener('abort', () => this.#close(), {once: true})
  }

  /** Gives true where the key was meant for the list. */
  onKey(event) {
    if (this.#list.hidden) return false
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key]
    if (step) this.#choose(this.#chosen + step)
    else if (event.key === 'Enter' || event.key === 'Tab') this.#take(this.#chosen)
    else if (event.key === 'Escape') this.#close()
    else return false
    event.preventDefault()
    event.stopPropagation()
    return true
  }

  #look() {
    const before = this.#field.value.slice(0, this.#field.selectionStart)
    const [, sign, word] = WORD.exec(before) ?? []
    this.#found = sign === '@' ? this.#named(word) : sign === ':' ? shortcodes(word) : []
    if (this.#found.length === 0) {
      this.#close()
      return
    }
    this.#start = before.length - word.length - 1
    this.#list.replaceChildren(...this.#found.map(draw))
    this.#list.hidden = false
    this.#choose(0)
  }

  #named(word) {
    return this.#people()
      .map(person => ({person, rank: rank(word, person.username) ?? rank(word, person.name)}))
      .filter(hit => hit.rank !== null)
      .sort((a, b) => a.rank - b.rank || plain(a.person.name).localeCompare(plain(b.person.name)))
      .slice(0, SHOWN)
      .map(({person}) => ({text: `@${person.username} `, person}))
  }

  #choose(index) {
    this.#chosen = (index + this.#found.length) % this.#found.length
    for (const item of this.#list.children) item.ariaSelected = String(Number(item.dataset.index) === this.#chosen)
    this.#field.setAttribute('aria-activedescendant', this.#list.children[this.#chosen].id)
  }

  #take(index) {
    const {text} = this.#found[index]
    this.#close()
    replace(this.#field, this.#start, this.#field.selectionStart, text)
  }

  #close() {
    this.#list.hidden = true
    this.#field.removeAttribute('aria-activedescendant')
  }
}

function shortcodes(word) {
  if (word.length < EMOJI_FROM_LETTERS) return []
  return EMOJI.filter(([, code]) => code.startsWith(word.toLowerCase())).slice(0, SHOWN)
    .map(([emoji, code, name]) => ({text: `${emoji} `, emoji, code, name}))
}

function draw({person, emoji, code, name}, index) {
  const item = element('li', {id: `completion-${index}`, role: 'option'})
  item.dataset.index = index
  if (person) item.append(avatar(person, {size: 'sm'}), element('b', {textContent: person.name}), element('span', {textContent: `@${person.username}`}))
  else item.append(element('span', {className: 'sign', textContent: emoji}), element('b', {textContent: name}), element('span', {textContent: `:${code}:`}))
  return item
}
