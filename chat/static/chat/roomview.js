// One room on the page, from the moment it is shown until it is left. What it listens to, waits for and
// watches ends with `#leaving`; the page's elements stay for the next.

import {$, $$, onClick} from '/static/chatsite/dom.js'
import {api, problemOf} from '/static/chatsite/api.js'
import {showFormError} from '/static/chatsite/dialogs.js'
import {gettext} from '/static/chatsite/i18n.js'
import {isTyping} from '/static/chatsite/keys.js'
import {chatSocket} from '/static/chatsite/sockets.js'
import {me, shown} from '/static/chatsite/store.js'
import {Actions} from './actions.js'
import {Composer} from './composer.js'
import {edit} from './edit.js'
import {beginning, canModerate, canWrite, showFrame, titleOf} from './frame.js'
import {History} from './history.js'
import {spoken} from './message.js'
import {outbox} from './outbox.js'
import {Panel} from './panel.js'
import {Reading} from './reading.js'
import {Timeline} from './timeline.js'
import {Typing} from './typing.js'
import {showUnsent} from './unsent.js'

const CHANGES_ROOM = /data-event="(?:archived|reopened|renamed|topic)"/

export function say(text) {
  $('#announcer').textContent = text
}

export class RoomView {
  composer
  #leaving = new AbortController()
  #room
  #box = $('#timeline')
  #timeline
  #panel
  #history
  #reading
  #typing

  /**
   * `page`: `{room, messages, quoted, has_more, head, epoch}` as the server's view gives it; `head` is null where
   * the room was followed all the time. `place`: where the reader was, as `place` told it; else it is the address'.
   */
  constructor(page, place = null) {
    this.#room = page.room
    shown.room = page.room.id
    this.#setUp(this.#leaving.signal)
    this.#showRoom()
    this.#timeline.replace(page, {hasEarlier: page.has_more, hasLater: false})
    if (this.#room.role) this.#timeline.markNew(this.#room.last_read_seq)
    showUnsent(this.#room.id, this.#timeline, this.#leaving.signal)
    this.#history.show()
    this.#showPlace(place)
    this.#listen(this.#leaving.signal)
    this.#follow(page)
    this.#reading.look()
  }

  get title() { return titleOf(this.#room) }

  /** `{atEnd: true}`, or a message and how far below the top it stands: `{id, seq, top}`. */
  get place() {
    const {line, top} = this.#timeline.scroll.place
    const message = line && this.#timeline.messageOf(line)
    return message?.id ? {id: message.id, seq: message.seq, top} : {atEnd: true}
  }

  /** Gives the page back, as it now is: what the next view of this room begins with. Null where it can't. */
  leave() {
    const page = this.#timeline.page
    this.#reading.leave()
    this.#leaving.abort()
    for (const dialog of $$('dialog[open]')) dialog.close()
    for (const menu of $$(':popover-open')) menu.hidePopover()
    this.#box.classList.remove('first')
    $('.beginning', this.#box).replaceChildren()
    return page && {...page, room: this.#room, head: null, epoch: null}
  }

  /** Leads to what the address names, `?at=<seq>#message-<id>`; else to the newest. */
  async goToNamed() {
    if (!this.#showNamed()) await this.#toNewest()
  }

  #setUp(signal) {
    const people = () => this.#panel.people.filter(({id}) => id !== me.id)
    this.#timeline = new Timeline(this.#box, signal)
    this.#panel = new Panel(this.#room, say, signal)
    this.#history = new History(this.#room.id, this.#timeline, this.#box, () => this.#showBeginning(), signal)
    this.#reading = new Reading(this.#room, this.#timeline, this.#box, signal)
    this.#typing = new Typing(this.#room.id, $('.typing'), signal)
    this.composer = new Composer($('#compose'), this.#room.id, {
      send: (body, replyTo) => this.#send(body, replyTo),
      typing: () => this.#typing.say(),
      editLast: () => this.#editLast(),
      people,
    }, signal)
    this.#offerDialogs(signal)
    new Actions(this.#box, this.#timeline, {
      moderates: () => canModerate(this.#room),
      reply: message => this.composer.answer(message),
      edit: message => this.#edit(message),
      jump: (id, seq) => this.#jump(id, seq),
      retry: id => outbox.retry(id),
      discard: id => this.#discard(id),
      say,
    }, signal)
  }

  /** What they do comes when the first is opened: it needs the server anyway. Until then they can only be closed. */
  #offerDialogs(signal) {
    const started = new AbortController()
    const start = async dialog => {
      const parts = $$('input, button:not([data-close])', dialog)
      const focused = document.activeElement
      for (const part of parts) part.inert = true
      showFormError(dialog, null)
      const dialogs = await import('/static/chat/roomdialogs.js').catch(() => null)
      if (!dialogs) return showFormError(dialog, {message: gettext('The server can’t be reached.')})
      if (!signal.aborted && !started.signal.aborted) dialogs.startDialogs(() => this.#room, id => this.#panel.has(id), signal)
      started.abort()
      for (const part of parts) part.inert = false
      focused.focus()
    }
    for (const dialog of $$('#add-people, #room-settings')) {
      const opened = () => dialog.open && start(dialog)
      dialog.addEventListener('toggle', opened, {signal: AbortSignal.any([signal, started.signal])})
    }
  }

  #listen(signal) {
    const on = (type, handler) => chatSocket.on(type, handler, signal)
    on('message.posted', ({message}) => this.#isHere(message) && this.#arrived(message))
    for (const change of ['message.edited', 'message.deleted', 'message.reacted']) {
      on(change, ({message}) => this.#isHere(message) && this.#timeline.upsert(message))
    }
    on('room.changed', event => event.room.id === this.#room.id && this.#refresh())
    on('member.joined', event => event.room === this.#room.id && this.#joined(event.member))
    on('member.left', event => event.room === this.#room.id && this.#panel.leave(event.user))
    on('presence.changed', ({users, presence}) => this.#panel.setPresence(users, presence))
    document.addEventListener('room:removed', ({detail}) => {
      if (detail.room === this.#room.id) location.assign('/')
    }, {signal})
    onClick(document, '.newest', () => this.#toNewest(), signal)
    onClick(document, '[data-focus="composer"]', () => this.composer.focus(), signal)
    $('#join').addEventListener('click', () => this.#join(), {signal})
    document.addEventListener('keydown', event => this.#onKey(event), {signal})
  }

  #follow({head, epoch}) {
    chatSocket.follow(`room:${this.#room.id}`, {
      after: head,
      epoch,
      onOk: ok => this.#take(ok.room),
      onReset: () => this.#history.reset(),
      onGone: () => location.assign('/'),
      signal: this.#leaving.signal,
    })
  }

  /** Where the reader was; else what the address names; else the amber line where something is new, or the end. */
  #showPlace(place) {
    const {newLine, scroll} = this.#timeline
    if (this.#showNamed(place)) return
    if (place?.id) this.#restore(place)
    else if (newLine && !place) scroll.to(newLine)
    else scroll.toEnd()
    this.#toComposer() // only now: the page looks at what is in view when it gets the focus
  }

  #showNamed(place = null) {
    const [, id] = /^#message-(\d+)$/.exec(location.hash) ?? []
    if (!id || place) return false
    this.#jump(Number(id), Number(new URLSearchParams(location.search).get('at')) || undefined)
    return true
  }

  async #restore({id, seq, top}) {
    if (!this.#timeline.nodeOf(id)) await this.#history.goTo(seq)
    const node = !this.#leaving.signal.aborted && this.#timeline.nodeOf(id)
    if (node) this.#timeline.scroll.to(node, top)
  }

  #isHere(message) {
    return message.room === this.#room.id
  }

  #arrived(message) {
    if (message.kind === 'system' && CHANGES_ROOM.test(message.html)) this.#refresh() // hints of it may be lost, this is not
    if (!this.#timeline.upsert(message)) return
    this.#showBeginning()
    if (message.author.id === me.id) return
    say(spoken(message))
    this.#reading.missed(message)
    this.#reading.look()
  }

  #joined(member) {
    this.#panel.join(member)
    if (member.id === me.id) this.#refresh()
  }

  #send(body, replyTo) {
    this.#typing.rest()
    if (this.#timeline.hasLater) this.#history.reload()
    outbox.post(this.#room, body, replyTo)
    this.#timeline.scroll.toEnd()
    this.#showBeginning()
    this.#reading.look()
  }

  #discard(clientId) {
    outbox.discard(clientId)
    this.#toComposer()
  }

  /** Gives it the focus where that pops up no keyboard. */
  #toComposer() {
    if (canWrite(this.#room) && matchMedia('(pointer: fine)').matches) this.composer.focus()
  }

  #edit(message) {
    edit(this.#timeline.nodeOf(message.id), message, this.#timeline, {
      people: () => this.#panel.people.filter(({id}) => id !== me.id),
      left: () => this.composer.focus(),
    })
  }

  #editLast() {
    const message = this.#timeline.myLast()
    if (message) this.#edit(message)
    return Boolean(message)
  }

  async #jump(id, seq = this.#timeline.known(id)?.seq) {
    if (!this.#timeline.nodeOf(id) && seq) await this.#history.goTo(seq)
    if (this.#leaving.signal.aborted) return
    const node = this.#timeline.nodeOf(id)
    if (node) this.#highlight(node)
    else say(gettext('That message stands further up: load earlier messages.'))
  }

  #highlight(node) {
    this.#timeline.scroll.to(node)
    node.focus()
    node.dataset.found = ''
    node.addEventListener('blur', () => delete node.dataset.found, {once: true})
  }

  async #toNewest() {
    if (this.#timeline.hasLater) await this.#history.reload()
    if (this.#leaving.signal.aborted) return
    this.#timeline.scroll.toEnd()
    this.#reading.look()
    if (canWrite(this.#room)) this.composer.focus()
  }

  #onKey(event) {
    if (event.key !== 'End' || event.defaultPrevented || isTyping(event.target) || $('dialog[open]')) return
    event.preventDefault()
    this.#toNewest()
  }

  async #refresh() {
    this.#take(await api('GET', `/api/rooms/${this.#room.id}`).catch(() => null))
  }

  #take(update) {
    if (!update || this.#leaving.signal.aborted) return
    Object.assign(this.#room, update)
    this.#panel.set(this.#room)
    this.#showRoom()
  }

  async #join() {
    try {
      await api('POST', `/api/rooms/${this.#room.id}/members`, {user: me.id})
      await this.#refresh()
      if (!this.#leaving.signal.aborted) this.composer.focus()
    } catch (error) {
      say(problemOf(error).message)
    }
  }

  #showRoom() {
    const writes = canWrite(this.#room)
    showFrame(this.#room)
    if (this.#timeline.writes === writes) return
    this.#timeline.writes = writes
    this.#timeline.redrawAll()
  }

  /** What stands above the first message: nothing while there is more, a greeting in an empty room. */
  #showBeginning() {
    const place = $('.beginning', this.#box)
    place.hidden = this.#timeline.hasEarlier
    const isFirst = this.#timeline.isSilent && !this.#timeline.hasEarlier
    this.#box.classList.toggle('first', isFirst)
    if (place.childElementCount === 0) place.append(beginning(this.#room, this.#panel.people.length <= 1))
    $('p', place).hidden = $('.first-steps', place).hidden = !isFirst
  }
}
