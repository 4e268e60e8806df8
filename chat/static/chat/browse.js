// Joining from the list of public rooms.

import {$, onClick} from '/static/chatsite/dom.js'
import {api, problemOf} from '/static/chatsite/api.js'
import {me} from '/static/chatsite/store.js'

onClick(document, '[data-join]', async button => {
  button.ariaBusy = 'true'
  try {
    await api('POST', `/api/rooms/${button.dataset.join}/members`, {user: me.id})
    location.assign(button.dataset.to)
  } catch (error) {
    button.ariaBusy = null
    const place = $('#join-error')
    $('span', place).textContent = problemOf(error).message
    place.hidden = false
  }
})
