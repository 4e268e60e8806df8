// Joining from the list of public rooms.

import {$, onClick} from '/static/chatsite/dom.js'
import {api} from '/static/chatsite/api.js'
import {gettext} from '/static/chatsite/i18n.js'
import {me} from '/static/chatsite/store.js'

onClick(document, '[data-join]', async button => {
  button.ariaBusy = 'true'
  try {
    await api('POST', `/api/rooms/${button.dataset.join}/members`, {user: me.id})
    location.assign(button.dataset.to)
  } catch (error) {
    button.ariaBusy = null
    const place = $('#join-error')
    $('span', place).textContent = error.code ? error.message : gettext('The server can’t be reached.')
    place.hidden = false
  }
})
