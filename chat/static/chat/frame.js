// What stands around the messages: the room's name, what it is for, and where one writes, or why not.

import {$, clone, icon} from '/static/chatsite/dom.js'
import {fill, gettext} from '/static/chatsite/i18n.js'
import {entitle} from '/static/chatsite/title.js'

const ICONS = {direct: 'user', private: 'lock', public: 'hash'}

/** “#tiles”; of a direct room the person. */
export function titleOf({kind, name}) {
  return kind === 'direct' ? name : `#${name}`
}

export function canModerate({role}) {
  return role === 'owner' || role === 'moderator'
}

export function canWrite({role, muted, archived_at: archived}) {
  return Boolean(role) && !muted && !archived
}

export function showFrame(room) {
  showName(room)
  const writes = canWrite(room)
  $('#room-topic').textContent = room.topic
  $('#open-settings').hidden = room.kind === 'direct' || !canModerate(room)
  $('#compose').hidden = !writes
  $('#closed').hidden = writes
  $('#closed p').textContent = whyClosed(room)
  $('#join').hidden = Boolean(room.role) || Boolean(room.archived_at)
}

function showName({kind, name}) {
  const asked = fill(kind === 'direct' ? gettext('Message %(name)s') : gettext('Message #%(name)s'), {name})
  entitle(titleOf({kind, name}))
  $('#room-name').textContent = name
  $('h1 > .icon').replaceWith(icon(ICONS[kind]))
  $('#timeline').ariaLabel = fill(gettext('Messages in %(name)s'), {name})
  $('label[for="composer"]').textContent = asked
  $('#composer').placeholder = asked
}

function whyClosed(room) {
  if (room.archived_at) return gettext('This room is archived. What was written stays.')
  if (!room.role) return gettext('You are reading a public room. Join it to write.')
  return room.muted ? gettext('A moderator muted you here. You can read, not write.') : ''
}

/** What stands above the first message. */
export function beginning(room, isAlone) {
  const made = clone('t-first')
  $('h2', made).textContent = fill(gettext('The beginning of %(room)s'), {room: titleOf(room)})
  $('p', made).textContent = isAlone ? gettext('Nobody else is here yet.') : gettext('Nobody has written here yet.')
  $('[data-step="add"]', made).hidden = $('#open-add').hidden
  $('[data-step="write"]', made).hidden = !canWrite(room)
  return made
}
