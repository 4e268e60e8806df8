// The dialog for a new room.

import {api, problemOf} from './api.js'
import {$} from './dom.js'
import {showFormError} from './dialogs.js'
import {go} from './going.js'

export function startNewRoom() {
  const dialog = $('#new-room')
  const form = $('form', dialog)
  dialog.addEventListener('close', () => {
    form.reset()
    showFormError(form, null)
  })
  form.addEventListener('submit', event => {
    event.preventDefault()
    create(form)
  })
}

async function create(form) {
  const {name, topic, kind} = Object.fromEntries(new FormData(form))
  const button = $('.primary', form)
  button.ariaBusy = 'true'
  try {
    const room = await api('POST', '/api/rooms', {name, topic, kind})
    button.ariaBusy = null
    form.closest('dialog').close()
    go(`/rooms/${room.slug}/`)
  } catch (error) {
    button.ariaBusy = null
    showFormError(form, problemOf(error))
  }
}
