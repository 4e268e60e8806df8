// What was refused in a room that the sidebar shows no more, archived or left, stands there by itself:
// to be read, copied and thrown away.

import {$, $$, clone} from '/static/chatsite/dom.js'
import {confirmed} from '/static/chatsite/dialogs.js'
import {fill, gettext} from '/static/chatsite/i18n.js'
import {outbox} from './outbox.js'

for (const event of ['change', 'gone', 'sent']) outbox.addEventListener(event, show)
document.addEventListener('sidebar:changed', show)
document.addEventListener('room:removed', show)
show()

function show() {
  const strays = outbox.entries.filter(({state, room}) => state === 'failed' && !isInSidebar(room))
  const shown = $$('#side-rooms [data-stray]')
  const ids = new Set(strays.map(entry => entry.client_id))
  for (const item of shown) if (!ids.has(item.dataset.stray)) item.remove()
  const known = new Set(shown.map(item => item.dataset.stray))
  $('#side-rooms').append(...strays.filter(entry => !known.has(entry.client_id)).map(draw))
}

function isInSidebar(room) {
  const link = $(`#side .item[data-room="${room}"]`)
  return Boolean(link) && !link.closest('li').hidden
}

function draw(entry) {
  const item = clone('t-stray')
  item.dataset.stray = entry.client_id
  $('button > span', item).textContent = entry.room_name
  $('button', item).addEventListener('click', () => decide(entry))
  return item
}

async function decide({client_id: id, room_name: room, body, why}) {
  const sure = await confirmed({
    title: fill(gettext('Not sent to %(room)s: %(why)s'), {room, why}),
    text: body,
    yes: gettext('Discard'),
    no: gettext('Keep it'),
  })
  if (sure) outbox.discard(id)
}
