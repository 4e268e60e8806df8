// Dialogs: whatever has `data-dialog="id"` opens it; a click beside it or on its ✕ closes it.

import {$, clone, onClick} from './dom.js'

export function startDialogs() {
  onClick(document, '[data-dialog]', button => {
    button.closest('[popover]')?.hidePopover()
    openDialog(button.dataset.dialog)
  })
  onClick(document, 'dialog [data-close]', button => button.closest('dialog').close())
  document.addEventListener('click', event => {
    if (event.target.localName === 'dialog') event.target.close() // the backdrop
  })
}

export function openDialog(id) {
  const dialog = document.getElementById(id)
  if (dialog && !dialog.open) dialog.showModal()
}

/** Asks before something that can't be taken back. Gives true for yes. */
export function confirmed({title, text, yes, no}) {
  const dialog = clone('t-confirm')
  $('h2', dialog).textContent = title
  $('p', dialog).textContent = text
  $('[value="yes"]', dialog).textContent = yes
  $('[value="no"]', dialog).textContent = no
  document.body.append(dialog)
  dialog.showModal()
  return new Promise(resolve => {
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(dialog.returnValue === 'yes')
    })
  })
}

/** Shows a refusal under the field that it is about, else at the form's end; null clears it. */
export function showFormError(form, error) {
  for (const field of form.querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid')
  const place = $('.error', form)
  place.hidden = !error
  if (!error) return
  $('span', place).textContent = error.message
  const field = error.field && form.elements[error.field]
  if (field) {
    field.ariaInvalid = 'true'
    field.focus()
  }
}
