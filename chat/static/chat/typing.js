// Who is writing. Words on the network are few: one every three seconds, believed for five.

import {$, element} from '/static/chatsite/dom.js'
import {gettext, language} from '/static/chatsite/i18n.js'
import {chatSocket} from '/static/chatsite/sockets.js'
import {me} from '/static/chatsite/store.js'

const SAY_EVERY_MS = 3_000
const BELIEVE_MS = 5_000
const NAMED = 3

export class Typing {
  #room
  #line
  #saidAt = 0
  #writers = new Map()

  constructor(room, line, signal) {
    this.#room = room
    this.#line = line
    chatSocket.on('typing.started', event => {
      if (event.room === room && event.user.id !== me.id) this.#heard(event.user)
    }, signal)
    chatSocket.on('message.posted', ({message}) => {
      if (message.room === room) this.#stop(message.author.id)
    }, signal)
    signal.addEventListener('abort', () => { for (const id of this.#writers.keys()) this.#stop(id) }, {once: true})
  }

  /** Somebody typed here. */
  say() {
    if (Date.now() - this.#saidAt < SAY_EVERY_MS) return
    this.#saidAt = Date.now()
    chatSocket.tell({type: 'typing.start', room: this.#room})
  }

  /** The text was sent: the next letter is said at once. */
  rest() {
    this.#saidAt = 0
  }

  #heard({id, name}) {
    clearTimeout(this.#writers.get(id)?.timer)
    this.#writers.set(id, {name, timer: setTimeout(() => this.#stop(id), BELIEVE_MS)})
    this.#show()
  }

  #stop(id) {
    clearTimeout(this.#writers.get(id)?.timer)
    if (this.#writers.delete(id)) this.#show()
  }

  #show() {
    const names = [...this.#writers.values()].map(({name}) => name)
    $('.dots', this.#line).hidden = names.length === 0
    $('[role="status"]', this.#line).replaceChildren(...sentence(names))
  }
}

function sentence(names) {
  if (names.length === 0) return []
  if (names.length > NAMED) return [gettext('Several people are typing')]
  const pattern = names.length === 1 ? gettext('%(names)s is typing') : gettext('%(names)s are typing')
  const [before, behind] = pattern.split('%(names)s')
  const parts = new Intl.ListFormat(language, {type: 'conjunction'}).formatToParts(names)
  return [before, ...parts.map(({type, value}) => (type === 'element' ? element('b', {textContent: value}) : value)), behind]
}
