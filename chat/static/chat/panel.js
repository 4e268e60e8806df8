// The members' panel: who is here, who isn't; adding, removing, leaving.

import {$, $$, avatar, clone, element, onClick} from '/static/chatsite/dom.js'
import {api, problemOf} from '/static/chatsite/api.js'
import {confirmed} from '/static/chatsite/dialogs.js'
import {fill, gettext, language} from '/static/chatsite/i18n.js'
import {presenceOf} from '/static/chatsite/presence.js'
import {me} from '/static/chatsite/store.js'
import {meet} from './people.js'
import {moveInMenu, showBeside} from './popover.js'

const ROLES = {owner: gettext('Owner'), moderator: gettext('Moderator')}
const RANKS = {owner: 2, moderator: 1, member: 0}
const narrow = matchMedia('(width <= 70rem)')

export class Panel {
  #room
  #say
  #members = new Map()
  #chosen = null

  /** `say(text)` tells what went wrong. */
  constructor(room, say, signal) {
    this.#room = room
    this.#say = say
    this.#listen(signal)
    this.set(room)
    this.#showPressed()
    signal.addEventListener('abort', () => delete document.body.dataset.panelOpen, {once: true})
  }

  #listen(signal) {
    onClick(document, '[data-opens="members"]', () => this.#toggle(), signal)
    onClick($('#members'), '.panel-close', () => this.#toggle(), signal)
    onClick($('#members'), '.person', button => this.#openMenu(button), signal)
    onClick($('#person-menu'), '[data-act="remove"]', () => this.#remove(), signal)
    $('#person-menu').addEventListener('keydown', event => moveInMenu($('#person-menu'), event), {signal})
    $('#leave').addEventListener('click', () => this.#leave(), {signal})
    narrow.addEventListener('change', () => this.#showPressed(), {signal})
    document.addEventListener('keydown', event => {
      if (event.key === 'Escape' && narrow.matches && this.#isOpen && !$('dialog[open], :popover-open')) this.#toggle()
    }, {signal})
  }

  get people() { return [...this.#members.values()] }

  has(id) { return this.#members.has(id) }

  /** Takes over a room as it now is. */
  set(room) {
    this.#room = {...this.#room, ...room}
    if (room.members) this.#members = new Map(room.members.map(member => [member.id, member]))
    for (const member of this.people) {
      member.presence = presenceOf(member.id) ?? member.presence
      meet(member)
    }
    this.show()
  }

  join(member) {
    this.#members.set(member.id, member)
    meet(member)
    this.show()
  }

  leave(id) {
    this.#members.delete(id)
    this.show()
  }

  setPresence(ids, presence) {
    const changed = ids.map(id => this.#members.get(id)).filter(member => member && member.presence !== presence)
    for (const member of changed) member.presence = presence
    if (changed.length) this.show()
  }

  show() {
    const sorted = this.people.sort((a, b) => (b.id === me.id) - (a.id === me.id) || a.name.localeCompare(b.name, language))
    const here = sorted.filter(member => member.id === me.id || member.presence !== 'offline')
    this.#fill('#members-here', here)
    this.#fill('#members-away', sorted.filter(member => !here.includes(member)))
    const total = Math.max(this.#members.size, this.#room.member_count > this.#members.size && this.#members.size >= 200 ? this.#room.member_count : 0)
    $('#member-count').textContent = total
    const tool = $('[data-opens="members"]')
    $('.here', tool).textContent = here.length
    tool.ariaLabel = fill(gettext('Members, %(n)s here now'), {n: here.length})
    const mine = this.#room.role
    const joinable = mine && this.#room.kind !== 'direct' && !this.#room.archived_at
    $('#open-add').hidden = !joinable || (this.#room.kind === 'private' && RANKS[mine] < 1)
    $('#leave').hidden = !mine || this.#room.kind === 'direct'
  }

  #fill(section, members) {
    $(section).hidden = members.length === 0
    $('ul', $(section)).replaceChildren(...members.map(draw))
  }

  get #isOpen() {
    return narrow.matches ? 'panelOpen' in document.body.dataset : document.body.dataset.panel === 'members'
  }

  #toggle() {
    const open = !this.#isOpen
    const tool = $('[data-opens="members"]')
    document.body.dataset.panel = open || narrow.matches ? 'members' : ''
    document.body.toggleAttribute('data-panel-open', open)
    this.#showPressed()
    if (open && narrow.matches) $('#members .panel-close').focus()
    else tool.focus()
  }

  #showPressed() {
    $('[data-opens="members"]').ariaPressed = String(this.#isOpen)
  }

  #openMenu(button) {
    const member = this.#members.get(Number(button.dataset.member))
    if (!member || member.id === me.id) return
    const menu = $('#person-menu')
    this.#chosen = member
    $('[data-act="message"]', menu).action = `/people/${member.id}/message/`
    $('[data-act="remove"]', menu).hidden = this.#room.kind === 'direct' || RANKS[this.#room.role] < 1
      || RANKS[this.#room.role] <= RANKS[member.role] || !this.#room.role
    showBeside(menu, button)
    $('[role="menuitem"]', menu).focus()
  }

  async #remove() {
    const {id, name} = this.#chosen
    $('#person-menu').hidePopover()
    const sure = await confirmed({
      title: fill(gettext('Remove %(name)s?'), {name}),
      text: gettext('They stop seeing this room at once. What they wrote stays.'),
      yes: gettext('Remove'),
      no: gettext('Cancel'),
    })
    if (sure) await this.#delete(id)
  }

  async #leave() {
    const sure = await confirmed({
      title: fill(gettext('Leave %(room)s?'), {room: `#${this.#room.name}`}),
      text: this.#room.kind === 'private' ? gettext('To come back, somebody has to add you.') : gettext('You can join again at any time.'),
      yes: gettext('Leave'),
      no: gettext('Stay'),
    })
    if (sure && await this.#delete(me.id)) location.assign('/')
  }

  async #delete(id) {
    try {
      await api('DELETE', `/api/rooms/${this.#room.id}/members/${id}`)
      return true
    } catch (error) {
      this.#say(problemOf(error).message)
      return false
    }
  }
}

function draw(member) {
  const item = clone('t-person')
  const button = $('.person', item)
  button.dataset.member = member.id
  button.prepend(avatar(member, {presence: member.id === me.id ? 'online' : member.presence}))
  const name = $('b', button)
  name.textContent = member.name
  if (member.id === me.id) name.append(' ', element('small', {textContent: gettext('you')}))
  $$('span > span', button).at(-1).textContent = ROLES[member.role] ?? `@${member.username}`
  return item
}
