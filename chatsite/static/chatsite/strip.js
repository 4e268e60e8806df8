// The strip of running jobs at the sidebar's foot: three at most, and how many more.

import {$, clone} from './dom.js'
import {fill, gettext, ngettext, percentText} from './i18n.js'
import {inboxSocket} from './sockets.js'
import {shell} from './store.js'

const SHOWN = 3
const OPEN = new Set(['queued', 'running', 'stalled'])
export const TRANSITIONS = ['queued', 'started', 'resumed', 'stalled', 'succeeded', 'failed', 'cancelled']

/** id → job; those that are still open, oldest first. */
export const jobs = new Map(shell.jobs.map(job => [job.id, job]))

export function startStrip() {
  for (const transition of TRANSITIONS) inboxSocket.on(`job.${transition}`, ({job}) => take(job))
  inboxSocket.on('job.progressed', ({job}) => {
    if (jobs.has(job.id)) take({...jobs.get(job.id), ...job})
  })
  show()
}

function take(job) {
  if (OPEN.has(job.status)) jobs.set(job.id, job)
  else jobs.delete(job.id)
  show()
}

function show() {
  const strip = $('#side-jobs')
  const open = [...jobs.values()]
  strip.hidden = open.length === 0
  $('h2 > span', strip).textContent = open.length || ''
  const list = $('ul', strip)
  open.slice(0, SHOWN).forEach((job, index) => draw(list.children[index] ?? list.appendChild(clone('t-mini')), job))
  while (list.children.length > Math.min(open.length, SHOWN)) list.lastElementChild.remove()
  const rest = open.length - SHOWN
  $('.more', strip).hidden = rest <= 0
  $('.more', strip).textContent = fill(ngettext('and %(n)s more', 'and %(n)s more', rest), {n: rest})
}

function draw(item, job) {
  const link = $('a', item)
  link.dataset.status = job.status
  $('span', link).textContent = job.title
  $('b', link).textContent = stateOf(job)
  const bar = $('progress', link)
  bar.ariaLabel = job.title
  if (job.percent === null && job.status === 'running') bar.removeAttribute('value')
  else bar.value = job.percent ?? 0
}

function stateOf({status, percent}) {
  if (status === 'stalled') return gettext('No word')
  if (status === 'queued') return gettext('Queued')
  return percent === null ? '' : percentText(Math.floor(percent))
}
