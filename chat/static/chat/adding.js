// The dialog that adds people to a room.

import {$, $$, avatar, clone} from '/static/chatsite/dom.js'
import {api, problemOf} from '/static/chatsite/api.js'
import {showFormError} from '/static/chatsite/dialogs.js'
import {fill, gettext} from '/static/chatsite/i18n.js'

const PAUSE_MS = 150

/** `isMember(id)` leaves out those who are in already. */
export function startAdding(room, isMember, signal) {
  const dialog = $('#add-people')
  const field = $('input', dialog)
  let timer = 0
  const find = async () => {
    const query = field.value.trim()
    const isStill = () => dialog.open && query === field.value.trim()
    try {
      const {people} = await api('GET', `/people/search?q=${encodeURIComponent(query)}`)
      if (isStill()) show(dialog, room, people.filter(({id}) => !isMember(id)), query)
    } catch (error) {
      if (isStill()) showFormError(dialog, problemOf(error))
    }
  }
  field.addEventListener('input', () => {
    clearTimeout(timer)
    timer = setTimeout(find, PAUSE_MS)
  }, {signal})
  dialog.addEventListener('toggle', () => dialog.open && find(), {signal})
  if (dialog.open) find()
  const reset = () => {
    clearTimeout(timer)
    field.value = ''
    showFormError(dialog, null)
  }
  dialog.addEventListener('close', reset, {signal})
  signal.addEventListener('abort', reset, {once: true})
}

function show(dialog, room, people, query) {
  showFormError(dialog, null)
  $('.found', dialog).replaceChildren(...people.map(person => draw(dialog, room, person)))
  $('[role="status"]', dialog).textContent = people.length ? '' : query
    ? fill(gettext('Nobody found for “%(text)s”'), {text: query})
    : gettext('Everybody is here already')
}

function draw(dialog, room, person) {
  const item = clone('t-found')
  item.prepend(avatar(person, {size: 'sm'}))
  $('b', item).textContent = person.name
  $('small', item).textContent = ` @${person.username}`
  const button = $('button', item)
  button.ariaLabel = fill(gettext('Add %(name)s'), {name: person.name})
  button.addEventListener('click', () => add(dialog, room, person, button))
  return item
}

async function add(dialog, room, person, button) {
  try {
    await api('POST', `/api/rooms/${room.id}/members`, {user: person.id})
    showFormError(dialog, null)
    button.disabled = true
    button.textContent = gettext('Added')
    $$('.found .btn:enabled', dialog)[0]?.focus()
  } catch (error) {
    showFormError(dialog, problemOf(error))
  }
}
