// The room page: brings the parts together.

import {$, clone, onClick, pageData} from '/static/chatsite/dom.js'
import {api} from '/static/chatsite/api.js'
import {fill, gettext} from '/static/chatsite/i18n.js'
import {isTyping} from '/static/chatsite/keys.js'
import {chatSocket} from '/static/chatsite/sockets.js'
import {me} from '/static/chatsite/store.js'
import {rename} from '/static/chatsite/title.js'
import {Actions} from './actions.js'
import {startAdding} from './adding.js'
import {Composer} from './composer.js'
import {edit} from './edit.js'
import {startEmojiPicker} from './emoji.js'
import {History} from './history.js'
import {spoken} from './message.js'
import {outbox} from './outbox.js'
import {Panel} from './panel.js'
import {Reading} from './reading.js'
import {startSettings} from './settings.js'
import {Timeline} from './timeline.js'
import {Typing} from './typing.js'
import {showUnsent} from './unsent.js'

const page = pageData('page-data')
const room = page.room
const box = $('#timeline')
const timeline = new Timeline(box)
const panel = new Panel(room, say)
const history = new History(room.id, timeline, box, showBeginning)
const reading = new Reading(room, timeline, box)
const typing = new Typing(room.id, $('.typing'))
const people = () => panel.people.filter(({id}) => id !== me.id)
const composer = new Composer($('#compose'), room.id, {
  send,
  typing: () => typing.say(),
  editLast,
  people,
})

start()

function start() {
  startEmojiPicker()
  startAdding(room, id => panel.has(id))
  startSettings(() => room)
  new Actions(box, timeline, {
    moderates: () => ['owner', 'moderator'].includes(room.role),
    reply: message => composer.answer(message),
    edit: openEditor,
    jump,
    retry: id => outbox.retry(id),
    discard,
    say,
  })
  showRoom()
  timeline.replace(page, {hasEarlier: page.has_more, hasLater: false})
  if (room.role) timeline.markNew(room.last_read_seq)
  showUnsent(room.id, timeline)
  history.show()
  showPlace()
  listen()
  follow()
  reading.look()
}

/** At the amber line where something is new, else at the end; `?at=<seq>#message-<id>` leads to a message. */
function showPlace() {
  const [, wanted] = /^#message-(\d+)$/.exec(location.hash) ?? []
  const seq = Number(new URLSearchParams(location.search).get('at')) || undefined
  if (wanted) jump(Number(wanted), seq)
  else if (timeline.newLine) timeline.scroll.to(timeline.newLine)
  else timeline.scroll.toEnd()
  // Only now: the page looks at what is in view when it gets the focus
  if (!wanted) toComposer()
}

function listen() {
  chatSocket.on('message.posted', ({message}) => mine(message) && arrived(message))
  for (const change of ['message.edited', 'message.deleted', 'message.reacted']) {
    chatSocket.on(change, ({message}) => {
      if (mine(message)) timeline.upsert(message)
    })
  }
  chatSocket.on('room.changed', event => {
    if (event.room.id === room.id) refresh()
  })
  chatSocket.on('member.joined', event => {
    if (event.room === room.id) panel.join(event.member)
    if (event.member.id === me.id) refresh()
  })
  chatSocket.on('member.left', event => {
    if (event.room === room.id) panel.leave(event.user)
  })
  chatSocket.on('presence.changed', ({users, presence}) => panel.setPresence(users, presence))
  document.addEventListener('room:removed', ({detail}) => {
    if (detail.room === room.id) location.assign('/')
  })
  onClick(document, '.newest', toNewest)
  onClick(document, '[data-focus="composer"]', () => composer.focus())
  $('#join').addEventListener('click', join)
  document.addEventListener('keydown', onKey)
}

function mine(message) {
  return message.room === room.id
}

function follow() {
  chatSocket.follow(`room:${room.id}`, {
    after: page.head,
    epoch: page.epoch,
    onOk: ok => take(ok.room),
    onReset: () => history.reset(),
    onGone: () => location.assign('/'),
  })
}

function arrived(message) {
  if (!timeline.upsert(message)) return
  showBeginning()
  if (message.author.id === me.id) return
  say(spoken(message))
  reading.missed(message)
  reading.look()
}

function send(body, replyTo) {
  typing.rest()
  if (timeline.hasLater) history.reload()
  outbox.post(room, body, replyTo)
  timeline.scroll.toEnd()
  showBeginning()
  reading.look()
}

function discard(clientId) {
  outbox.discard(clientId)
  toComposer()
}

/** Gives it the focus where that pops up no keyboard. */
function toComposer() {
  if (canWrite() && matchMedia('(pointer: fine)').matches) composer.focus()
}

function openEditor(message) {
  edit(timeline.nodeOf(message.id), message, timeline, {people, left: () => composer.focus()})
}

function editLast() {
  const message = timeline.myLast()
  if (message) openEditor(message)
  return Boolean(message)
}

async function jump(id, seq = timeline.known(id)?.seq) {
  if (!timeline.nodeOf(id) && seq) await history.goTo(seq)
  const node = timeline.nodeOf(id)
  if (node) highlight(node)
  else say(gettext('That message stands further up: load earlier messages.'))
}

function highlight(node) {
  timeline.scroll.to(node)
  node.focus()
  node.dataset.found = ''
  node.addEventListener('blur', () => delete node.dataset.found, {once: true})
}

async function toNewest() {
  if (timeline.hasLater) await history.reload()
  timeline.scroll.toEnd()
  reading.look()
  if (canWrite()) composer.focus()
}

function onKey(event) {
  if (event.key !== 'End' || event.defaultPrevented || isTyping(event.target) || $('dialog[open]')) return
  event.preventDefault()
  toNewest()
}

async function refresh() {
  take(await api('GET', `/api/rooms/${room.id}`).catch(() => null))
}

function take(update) {
  if (!update) return
  if (update.name !== room.name) rename(room.name, update.name)
  Object.assign(room, update)
  panel.set(room)
  showRoom()
}

async function join() {
  try {
    await api('POST', `/api/rooms/${room.id}/members`, {user: me.id})
    await refresh()
    composer.focus()
  } catch (error) {
    say(error.message)
  }
}

function canWrite() {
  return Boolean(room.role) && !room.muted && !room.archived_at
}

function showRoom() {
  $('#room-name').textContent = room.name
  $('#room-topic').textContent = room.topic
  $('#open-settings').hidden = room.kind === 'direct' || !['owner', 'moderator'].includes(room.role)
  const writes = canWrite()
  $('#compose').hidden = !writes
  $('#closed').hidden = writes
  $('#closed p').textContent = whyClosed()
  $('#join').hidden = Boolean(room.role) || Boolean(room.archived_at)
  if (timeline.writes !== writes) {
    timeline.writes = writes
    timeline.redrawAll()
  }
}

function whyClosed() {
  if (room.archived_at) return gettext('This room is archived. What was written stays.')
  if (!room.role) return gettext('You are reading a public room. Join it to write.')
  return room.muted ? gettext('A moderator muted you here. You can read, not write.') : ''
}

/** What stands above the first message: nothing while there is more, a greeting in an empty room. */
function showBeginning() {
  const place = $('.beginning', box)
  place.hidden = timeline.hasEarlier
  const isFirst = timeline.isSilent && !timeline.hasEarlier
  box.classList.toggle('first', isFirst)
  if (place.childElementCount === 0) place.append(beginning())
  $('p', place).hidden = $('.first-steps', place).hidden = !isFirst
}

function beginning() {
  const made = clone('t-first')
  const name = room.kind === 'direct' ? room.name : `#${room.name}`
  $('h2', made).textContent = fill(gettext('The beginning of %(room)s'), {room: name})
  $('p', made).textContent = panel.people.length > 1 ? gettext('Nobody has written here yet.') : gettext('Nobody else is here yet.')
  $('[data-step="add"]', made).hidden = $('#open-add').hidden
  $('[data-step="write"]', made).hidden = !canWrite()
  return made
}

function say(text) {
  $('#announcer').textContent = text
}
