// Rooms and people in the sidebar: their counts live, rooms that come, change and go.

import {api} from './api.js'
import {$, $$, avatar, clone, icon} from './dom.js'
import {fill, gettext, language, ngettext} from './i18n.js'
import {presenceOf} from './presence.js'
import {chatSocket, inboxSocket} from './sockets.js'
import {me, shell} from './store.js'

/** id → room as the API gives it, with `person` for direct ones. */
export const rooms = new Map([...shell.rooms, ...shell.people].map(room => [room.id, room]))

const missing = new Set() // ids of rooms that the reader is in, but of which the server could not be asked yet

export function startSidebar() {
  for (const room of rooms.values()) {
    follow(room)
    showCount(room)
  }
  chatSocket.on('message.posted', count)
  chatSocket.on('message.deleted', uncount)
  chatSocket.on('room.changed', ({room}) => merge(room))
  inboxSocket.on('room.read', takeMark)
  inboxSocket.on('room.added', ({room}) => fetchRoom(room.id))
  inboxSocket.on('room.removed', ({room}) => remove(room.id))
  inboxSocket.addEventListener('statechange', () => {
    if (inboxSocket.state === 'open') missing.forEach(fetchRoom)
  })
  document.addEventListener('room:read', ({detail}) => markRead(detail.room, detail.seq))
}

/** Whether a message names the reader: the server marks each name with its person. */
export function namesMe(html) {
  return html.includes(`data-user="${me.id}"`)
}

function follow(room) {
  chatSocket.follow(`room:${room.id}`, {
    after: room.head,
    epoch: shell.epoch,
    onOk: ok => merge(ok.room, ok.reset),
    onGone: () => remove(room.id),
  })
}

/**
 * Takes over what the server says of a room now, its counts included, but where this tab has read further than
 * it knows yet; after a `reset` its counts hold in any case. Direct rooms keep their name: a person's.
 */
function merge(update, reset = false) {
  const room = update && rooms.get(update.id)
  if (!room) return
  const {last_read_seq, unread, mentions, head} = room
  const isBehind = !reset && update.last_read_seq < last_read_seq
  const own = isBehind ? {last_read_seq, unread, mentions, head} : {}
  Object.assign(room, update, own, {name: room.kind === 'direct' ? room.name : update.name})
  const link = linkOf(room.id)
  if (link && room.kind !== 'direct') $('span', link).textContent = room.name
  if (link) link.closest('li').hidden = isArchived(update)
  showCount(room)
}

/** Whole rooms say since when, hints only whether. */
function isArchived({archived, archived_at: since}) {
  return archived ?? Boolean(since)
}

function count({message}) {
  const room = rooms.get(message.room)
  if (!room || message.seq <= room.head) return // counted by the server already
  room.head = message.seq
  if (message.author?.id === me.id || message.kind === 'system') return
  room.unread += 1
  if (namesMe(message.html)) room.mentions += 1
  showCount(room)
}

/** Nobody has to read what was deleted. */
function uncount({message, seq}) {
  const room = rooms.get(message.room)
  if (!room || seq <= room.head || message.seq > room.head) return // the server's count is without it; or never counted
  if (message.seq <= room.last_read_seq || message.author?.id === me.id || message.kind === 'system') return
  room.unread = Math.max(0, room.unread - 1)
  showCount(room)
}

/** This tab has read up to `seq`; the server's own count follows on the inbox. */
function markRead(id, seq) {
  const room = rooms.get(id)
  if (!room || seq < room.head) return
  room.last_read_seq = Math.max(room.last_read_seq, seq)
  room.unread = room.mentions = 0
  showCount(room)
}

/** The mark moved here or in another tab. What came after the count was made is counted on top. */
function takeMark({room: id, last_read_seq: mark, unread, mentions}) {
  const room = rooms.get(id)
  if (!room || mark < room.last_read_seq) return
  Object.assign(room, {last_read_seq: mark, unread, mentions})
  showCount(room)
}

function showCount(room) {
  const link = linkOf(room.id)
  if (!link) return
  const badge = $('.count', link)
  const forMe = room.mentions > 0 || room.kind === 'direct'
  link.toggleAttribute('data-unread', room.unread > 0)
  badge.hidden = room.unread === 0
  badge.classList.toggle('you', forMe)
  badge.textContent = room.mentions > 0 && room.kind !== 'direct' ? `@${room.mentions}` : room.unread
  badge.ariaLabel = countLabel(room)
  document.dispatchEvent(new Event('sidebar:changed'))
}

function countLabel({kind, unread, mentions}) {
  if (kind === 'direct') return fill(ngettext('%(n)s direct message', '%(n)s direct messages', unread), {n: unread})
  if (mentions) return fill(ngettext('%(n)s mention', '%(n)s mentions', mentions), {n: mentions})
  return fill(ngettext('%(n)s unread', '%(n)s unread', unread), {n: unread})
}

async function fetchRoom(id) {
  if (rooms.has(id)) return
  missing.add(id)
  const answer = await api('GET', `/api/rooms/${id}`).catch(() => null) // then with the next connection
  if (!answer || !missing.delete(id)) return
  const {members, ...room} = answer
  if (room.kind === 'direct') room.person = members.find(member => member.id !== me.id)
  add(room)
}

function add(room) {
  rooms.set(room.id, room)
  const item = clone('t-side-item')
  const link = $('a', item)
  const {person} = room
  link.href = `/rooms/${room.slug}/`
  link.dataset.room = room.id
  if (link.pathname === location.pathname) link.ariaCurrent = 'page'
  link.prepend(person
    ? avatar(person, {size: 'sm', presence: presenceOf(person.id) ?? person.presence ?? 'offline'})
    : icon(room.kind === 'private' ? 'lock' : 'hash'))
  $('span:not(.avatar)', link).textContent = person?.name ?? room.name
  insertByName($(room.kind === 'direct' ? '#side-people' : '#side-rooms'), item)
  follow(room)
  showCount(room)
}

/** The page shows what is at its address now. */
export function markCurrent(path = location.pathname) {
  for (const link of $$('#side .item[data-room]')) link.ariaCurrent = link.pathname === path ? 'page' : null
}

function insertByName(list, item) {
  const nameOf = node => $('span:not(.avatar)', node).textContent
  const later = [...list.children].find(other => nameOf(other).localeCompare(nameOf(item), language) > 0)
  list.insertBefore(item, later ?? null)
}

function remove(id) {
  missing.delete(id)
  if (!rooms.delete(id)) return
  chatSocket.unfollow(`room:${id}`)
  linkOf(id)?.closest('li').remove()
  document.dispatchEvent(new CustomEvent('room:removed', {detail: {room: id}}))
}

function linkOf(id) {
  return $(`#side .item[data-room="${id}"]`)
}

/** The next room with something unread below the current one, from the top again at the end. */
export function nextUnread() {
  const links = $$('#side .item[data-room]')
  const current = links.findIndex(link => link.ariaCurrent)
  return [...links.slice(current + 1), ...links.slice(0, current + 1)].find(link => 'unread' in link.dataset)
}
