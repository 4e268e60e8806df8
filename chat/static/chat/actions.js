// What can be done with a message: by its tools, its menu, a long press, or keys on the message itself.

import {$, onClick} from '/static/chatsite/dom.js'
import {confirmed} from '/static/chatsite/dialogs.js'
import {gettext} from '/static/chatsite/i18n.js'
import {isTyping} from '/static/chatsite/keys.js'
import {CommandError} from '/static/chatsite/socket.js'
import {chatSocket} from '/static/chatsite/sockets.js'
import {me} from '/static/chatsite/store.js'
import {pickEmoji} from './emoji.js'
import {excerpt} from './message.js'
import {moveInMenu, showBeside} from './popover.js'

const LONG_PRESS_MS = 500

export class Actions {
  #timeline
  #does
  #chosen = null

  /** `does`: `moderates()`, `reply(message)`, `edit(message)`, `jump(id)`, `retry(clientId)`, `discard(clientId)`, `say(text)`. */
  constructor(box, timeline, does, signal) {
    this.#timeline = timeline
    this.#does = does
    onClick(box, '[data-act]', button => this.#act(button.dataset.act, this.#messageAt(button), button), signal)
    onClick(box, '[data-jump]', (link, event) => {
      event.preventDefault()
      does.jump(Number(link.dataset.jump))
    }, signal)
    box.addEventListener('keydown', event => this.#onKey(event), {signal})
    this.#watchLongPress(box, signal)
    this.#watchMenu($('#message-menu'), signal)
  }

  #messageAt(node) {
    return this.#timeline.messageOf(node.closest('.msg'))
  }

  #act(act, message, button) {
    if (!message) return
    if (act === 'more') this.#openMenu(message, button)
    else if (act === 'react') pickEmoji(button, emoji => this.#react(message, emoji))
    else if (act === 'toggle') this.#react(message, button.dataset.emoji)
    else if (act === 'reply') this.#does.reply(message)
    else if (act === 'edit') this.#does.edit(message)
    else if (act === 'copy') this.#copy(message)
    else if (act === 'delete') this.#delete(message)
    else if (act === 'retry') this.#does.retry(message.client_id)
    else if (act === 'discard') this.#does.discard(message.client_id)
  }

  #react(message, emoji) {
    const now = this.#timeline.byId(message.id) ?? message
    const has = now.reactions.some(reaction => reaction.emoji === emoji && reaction.users.includes(me.id))
    this.#command({type: has ? 'reaction.remove' : 'reaction.add', message: message.id, emoji})
  }

  async #delete(message) {
    const sure = await confirmed({
      title: gettext('Delete this message?'),
      text: excerpt(message),
      yes: gettext('Delete'),
      no: gettext('Keep it'),
    })
    if (sure) this.#command({type: 'message.delete', message: message.id})
  }

  async #copy(message) {
    await navigator.clipboard.writeText(message.body)
    this.#does.say(gettext('Copied'))
  }

  async #command(command) {
    try {
      const ok = await chatSocket.request(command)
      if (ok.message) this.#timeline.upsert(ok.message)
    } catch (error) {
      this.#does.say(error instanceof CommandError ? error.message : gettext('No connection: try again when it is back.'))
    }
  }

  #openMenu(message, anchor) {
    const menu = $('#message-menu')
    const mine = message.author.id === me.id
    this.#chosen = {message, anchor}
    $('[data-act="edit"]', menu).hidden = !mine || message.kind !== 'text'
    $('[data-act="delete"]', menu).hidden = !mine && !this.#does.moderates()
    showBeside(menu, anchor)
    $('[role="menuitem"]:not([hidden])', menu).focus()
  }

  #watchMenu(menu, signal) {
    menu.addEventListener('keydown', event => moveInMenu(menu, event), {signal})
    onClick(menu, '[data-act]', ({dataset: {act}}) => {
      const {message, anchor} = this.#chosen
      menu.hidePopover()
      this.#act(act, message, anchor)
    }, signal)
  }

  /** Opens when the finger leaves: an open menu takes a finger's leaving elsewhere for a dismissal. */
  #watchLongPress(box, signal) {
    let pressed = null
    box.addEventListener('touchstart', event => {
      const article = event.target.closest('.msg')
      const message = article && this.#timeline.messageOf(article)
      pressed = this.#canAct(message) && !event.target.closest('button') ? {article, message, since: event.timeStamp} : null
    }, {passive: true, signal})
    box.addEventListener('touchmove', () => { pressed = null }, {passive: true, signal})
    box.addEventListener('touchend', event => {
      if (!pressed || event.timeStamp - pressed.since < LONG_PRESS_MS) return
      event.preventDefault() // no click on what lies under the finger
      this.#openMenu(pressed.message, pressed.article)
    }, {signal})
    box.addEventListener('contextmenu', event => {
      if (pressed) event.preventDefault()
    }, {signal})
  }

  #canAct(message) {
    return Boolean(message?.id) && !message.deleted_at && message.kind === 'text' && this.#timeline.writes
  }

  #onKey(event) {
    if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return
    const article = event.target.closest('.msg')
    if (event.key === 'ArrowUp' || event.key === 'ArrowDown') {
      this.#step(event, article)
      return
    }
    const message = article && this.#timeline.messageOf(article)
    const act = {r: 'reply', e: 'react'}[event.key.toLowerCase()]
    if (!act || !this.#canAct(message)) return
    event.preventDefault()
    this.#act(act, message, article)
  }

  #step(event, article) {
    const all = [...event.currentTarget.querySelectorAll('.msg')]
    const at = article ? all.indexOf(article) + (event.key === 'ArrowDown' ? 1 : -1) : all.length - 1
    if (!all[at]) return
    event.preventDefault()
    all[at].focus()
  }
}
