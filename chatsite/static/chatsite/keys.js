// Keys that work on every page; parts/dialogs.html lists them.

import {$} from './dom.js'
import {openDialog} from './dialogs.js'
import {nextUnread} from './sidebar.js'

export function startKeys() {
  document.addEventListener('keydown', event => {
    const action = actionFor(event)
    if (!action) return
    event.preventDefault()
    action()
  })
}

function actionFor(event) {
  const {key, altKey, shiftKey} = event
  const control = event.ctrlKey || event.metaKey
  if (control && !shiftKey && key.toLowerCase() === 'k') return () => openDialog('switcher')
  if (control && shiftKey && key.toLowerCase() === 'f') return () => location.assign('/search')
  if (altKey && shiftKey && key === 'ArrowDown') return () => nextUnread()?.click()
  if (key === '?' && !control && !isTyping(event.target) && !$('dialog[open]')) return () => openDialog('shortcuts')
  return null
}

export function isTyping(target) {
  return target.matches?.('input:not([type="checkbox"], [type="radio"], [type="range"]), textarea, select, [contenteditable]')
}
