// The dialog with a room's name, topic and archive.

import {$} from '/static/chatsite/dom.js'
import {api, problemOf} from '/static/chatsite/api.js'
import {confirmed, showFormError} from '/static/chatsite/dialogs.js'
import {fill, gettext} from '/static/chatsite/i18n.js'

/** `current()` gives the room as it now is. */
export function startSettings(current, signal) {
  const dialog = $('#room-settings')
  const form = $('form', dialog)
  dialog.addEventListener('toggle', () => dialog.open && fillIn(form, current()), {signal})
  if (dialog.open) fillIn(form, current())
  form.addEventListener('submit', event => {
    event.preventDefault()
    const {name, topic} = Object.fromEntries(new FormData(form))
    change(dialog, current(), {name, topic})
  }, {signal})
  $('#archive').addEventListener('click', () => toggleArchive(dialog, current()), {signal})
}

function fillIn(form, room) {
  form.elements.name.value = room.name
  form.elements.topic.value = room.topic
  $('#archive span', form).textContent = room.archived_at ? gettext('Open again') : gettext('Archive')
  showFormError(form, null)
}

async function toggleArchive(dialog, room) {
  const sure = room.archived_at || await confirmed({
    title: fill(gettext('Archive #%(name)s?'), {name: room.name}),
    text: gettext('Nobody can write here any more. What was written stays, and it can be opened again.'),
    yes: gettext('Archive'),
    no: gettext('Cancel'),
  })
  if (sure) await change(dialog, room, {archived: !room.archived_at})
}

async function change(dialog, room, changes) {
  try {
    await api('PATCH', `/api/rooms/${room.id}`, changes)
    dialog.close()
  } catch (error) {
    showFormError($('form', dialog), problemOf(error))
  }
}
