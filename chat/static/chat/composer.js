// The message box: never disabled, keeps what was typed, says what stands in the way.

import {$, onClick} from '/static/chatsite/dom.js'
import {fill, gettext, ngettext} from '/static/chatsite/i18n.js'
import {chatSocket} from '/static/chatsite/sockets.js'
import {Completion} from './complete.js'
import {draftOf, keepDraft} from './drafts.js'
import {pickEmoji} from './emoji.js'
import {characters, format, formatByKey, replace} from './format.js'
import {excerpt} from './message.js'

export const MAX_CHARACTERS = 4_000

export class Composer {
  #form
  #field
  #room
  #handlers
  #replyTo = null
  #held = null // what stood in the field when the reader set off for another room

  /** `handlers`: `send(body, replyTo)`, `typing()`, `editLast()`, `people()`. */
  constructor(form, room, handlers, signal) {
    this.#form = form
    this.#field = $('textarea', form)
    this.#room = room
    this.#handlers = handlers
    this.completion = new Completion(this.#field, $('.completions', form), handlers.people, signal)
    this.#field.value = draftOf(room)
    this.#listen(signal)
    this.#check()
    signal.addEventListener('abort', () => this.#leave(), {once: true})
  }

  focus() { this.#field.focus() }

  /** Until `release` nothing is sent: another room was asked for, and who goes on typing means that one. */
  hold() { this.#held ??= this.#field.value }

  release() { this.#held = null }

  /** Takes out what was typed into an empty field since `hold`: it goes along to the other room. */
  takeTyped() {
    if (this.#held !== '') return ''
    const typed = this.#field.value
    keepDraft(this.#room, '')
    this.#field.value = ''
    return typed
  }

  /** Names the message that the next one answers; null for none. */
  answer(message) {
    this.#replyTo = message
    const line = $('.replying', this.#form)
    line.hidden = !message
    if (!message) return
    $('b', line).textContent = message.author.name
    $('span', line).textContent = excerpt(message)
    this.focus()
  }

  #listen(signal) {
    this.#form.addEventListener('submit', event => {
      event.preventDefault()
      this.#send()
    }, {signal})
    this.#field.addEventListener('input', () => {
      keepDraft(this.#room, this.#field.value)
      this.#check()
      if (this.#field.value.trim()) this.#handlers.typing()
    }, {signal})
    this.#field.addEventListener('keydown', event => this.#onKey(event), {signal})
    this.#form.addEventListener('pointerdown', event => {
      if (event.target.closest('.bar-tools button')) event.preventDefault() // the selection stays
    }, {signal})
    onClick(this.#form, '[data-format]', button => format(this.#field, button.dataset.format), signal)
    onClick(this.#form, '[data-mention]', () => this.#insert('@'), signal)
    onClick(this.#form, '[data-emoji]', button => pickEmoji(button, emoji => this.#insert(`${emoji} `)), signal)
    onClick(this.#form, '.replying button', () => {
      this.answer(null)
      this.focus()
    }, signal)
    chatSocket.addEventListener('statechange', () => this.#check(), {signal})
  }

  /** The next room gets a field of its own: undoing there shall not bring back what was typed here. */
  #leave() {
    this.answer(null)
    this.#field.replaceWith(this.#field.cloneNode())
  }

  #onKey(event) {
    if (event.isComposing || this.completion.onKey(event) || formatByKey(this.#field, event)) return
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault()
      this.#send()
    } else if (event.key === 'ArrowUp' && !this.#field.value && !event.shiftKey) {
      if (this.#handlers.editLast()) event.preventDefault()
    } else if (event.key === 'Escape' && this.#replyTo) {
      this.answer(null)
    }
  }

  #insert(text) {
    replace(this.#field, this.#field.selectionStart, this.#field.selectionEnd, text)
  }

  #send() {
    if (this.#held !== null) return
    const body = this.#field.value
    if (!body.trim() || characters(body) > MAX_CHARACTERS) {
      this.focus()
      return
    }
    this.#handlers.send(body, this.#replyTo?.id ?? null)
    this.#field.value = ''
    keepDraft(this.#room, '')
    this.answer(null)
    this.#check()
    this.focus()
  }

  #check() {
    const note = noteFor(this.#field.value)
    const counter = $('.counter', this.#form)
    this.#form.toggleAttribute('data-over', surplus(this.#field.value) > 0)
    counter.hidden = !note
    if (counter.textContent !== note) counter.textContent = note
    $('.hint', this.#form).hidden = Boolean(note)
  }
}

/** How many characters too many. */
export function surplus(text) {
  return characters(text) - MAX_CHARACTERS
}

export function tooLong(text) {
  const over = surplus(text)
  return over > 0 ? fill(ngettext('%(n)s character too many', '%(n)s characters too many', over), {n: over}) : ''
}

function noteFor(text) {
  if (surplus(text) > 0) return tooLong(text)
  const isOffline = 'connection' in document.documentElement.dataset
  return isOffline && text ? gettext('Goes out when you are back online') : ''
}
