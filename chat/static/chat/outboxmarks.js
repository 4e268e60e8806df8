// The sidebar's rooms carry a mark where something of mine was refused, or has waited a while to be sent.

import {$, $$, element, icon} from '/static/chatsite/dom.js'
import {fill, gettext, ngettext} from '/static/chatsite/i18n.js'
import {outbox} from './outbox.js'

const PATIENCE_MS = 2_000

for (const event of ['change', 'gone', 'sent']) outbox.addEventListener(event, show)
outbox.addEventListener('change', () => setTimeout(show, PATIENCE_MS))
document.addEventListener('sidebar:changed', show)
show()

function show() {
  for (const link of $$('#side .item[data-room]')) {
    const what = stateOf(Number(link.dataset.room))
    const shown = $('.unsent', link)
    if (shown?.ariaLabel === what?.label) continue
    shown?.remove()
    if (what) $('.count', link).before(mark(what))
  }
}

/** `{label, icon, refused}`, or undefined where there is nothing to say. */
function stateOf(room) {
  const entries = outbox.entries.filter(entry => entry.room === room)
  const refused = entries.filter(({state}) => state === 'failed').length
  if (refused) return {label: fill(ngettext('%(n)s not sent', '%(n)s not sent', refused), {n: refused}), icon: 'alert', refused: true}
  if (entries.some(({at}) => Date.now() - Date.parse(at) >= PATIENCE_MS)) return {label: gettext('Waits to be sent'), icon: 'clock'}
  return undefined
}

function mark({label, icon: name, refused = false}) {
  const made = element('span', {className: 'unsent', role: 'img', ariaLabel: label, title: label}, icon(name))
  made.toggleAttribute('data-refused', refused)
  return made
}
