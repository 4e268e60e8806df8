// The page /progress: what runs, what waits, what was.

import {$, $$, clone, element, pageData} from '/static/chatsite/dom.js'
import {fill, gettext, listed, ngettext} from '/static/chatsite/i18n.js'
import {inboxSocket} from '/static/chatsite/sockets.js'
import {clock} from '/static/chatsite/time.js'
import {cancel} from './actions.js'
import {runGauge} from './gauge.js'
import {HistoryTable} from './history.js'
import {isOpen, jobs} from './jobs.js'
import {runStartForm} from './startform.js'
import {countText} from './words.js'
import {WorkCard} from './workcard.js'

const TICK_MS = 1000

const UNREAD_IN_TITLE = /^\(\d+\) /

const data = pageData('page-data')
const plainTitle = document.title.replace(UNREAD_IN_TITLE, '')
const cards = new Map()
const history = new HistoryTable($('#history'), data.has_more)

jobs.load([...data.jobs, ...data.finished], data.now)
jobs.addEventListener('change', ({detail}) => update(detail.job))
inboxSocket.follow(`inbox:${data.me}`, {after: data.head, epoch: data.epoch, onReset: () => location.reload()})
inboxSocket.on('notification.created', showTitle)
inboxSocket.on('notification.read', showTitle)
inboxSocket.addEventListener('statechange', showConnection)
setInterval(tick, TICK_MS)
showAll()
showConnection()
runStartForm($('#start-form'))
runGauge($('#server'))
addEventListener('hashchange', goToNamed)
goToNamed()

/** The address may name a job: `#job-7`. */
function goToNamed() {
  const name = location.hash.slice(1)
  history.reveal(Number(name.replace('job-', '')))
  document.getElementById(name)?.scrollIntoView()
}

function showAll() {
  showRunning()
  showQueue()
  history.show()
}

function update(job) {
  const card = cards.get(job.id)
  if (card && (job.status === 'running' || job.status === 'stalled')) {
    card.update(job)
    showTotals()
    return
  }
  showRunning()
  showQueue()
  if (!isOpen(job) || document.querySelector(`tr#job-${job.id}`)) history.show()
}

function showRunning() {
  const running = jobs.running
  for (const [id, card] of cards) {
    if (running.some(job => job.id === id)) continue
    if (card.element.contains(document.activeElement)) $('#running').focus()
    card.element.remove()
    cards.delete(id)
  }
  for (const job of running) {
    if (cards.has(job.id)) continue
    const card = new WorkCard(job)
    cards.set(job.id, card)
    $('#nothing-runs').before(card.element)
  }
  $('#nothing-runs').hidden = running.length > 0
  $('#running span').textContent = running.length || ''
  showTotals()
}

function showQueue() {
  const queued = jobs.queued
  $('#queue').hidden = queued.length === 0
  $('#queued span').textContent = queued.length
  const rows = $$('.queue > li')
  const stand = new Map(rows.map(row => [row.id, row])) // those who stay keep the focus, if they have it
  for (const row of rows) if (!queued.some(job => row.id === `job-${job.id}`)) row.remove()
  for (const job of queued) if (!stand.has(`job-${job.id}`)) $('.queue').append(queuedRow(job))
}

function queuedRow(job) {
  const row = clone('queued-template')
  row.id = `job-${job.id}`
  $('b', row).textContent = job.title
  const reason = job.kind ? gettext('waits for a free runner') : gettext('waits for its program’s first word')
  $('.facts', row).textContent = reason
  row.append(element('button', {
    className: 'btn sm quiet', type: 'button', textContent: gettext('Cancel'), onclick: () => cancel(job),
  }))
  return row
}

function showTotals() {
  const queued = jobs.queued.length
  const parts = jobs.running.length ? [runningWords()] : []
  if (queued) parts.push(fill(ngettext('%(count)s queued', '%(count)s queued', queued), {count: countText(queued)}))
  $('#totals').textContent = parts.length ? listed(parts) : gettext('Nothing runs')
  showTitle()
}

/** “(2) 3 running · Progress”; the frame writes the first part, and the whole title, when that count changes. */
function showTitle() {
  const unread = UNREAD_IN_TITLE.exec(document.title)?.[0] ?? ''
  document.title = unread + (jobs.running.length ? `${runningWords()} · ${plainTitle}` : plainTitle)
}

function runningWords() {
  const count = jobs.running.length
  return fill(ngettext('%(count)s running', '%(count)s running', count), {count: countText(count)})
}

function showConnection() {
  const isLive = inboxSocket.state === 'open'
  $('#live i').hidden = !isLive
  $('#live span').textContent = isLive ? gettext('Live') : fill(gettext('As of %(time)s'), {time: clock(Date.now())})
}

function tick() {
  if (document.hidden || inboxSocket.state !== 'open') return
  for (const card of cards.values()) card.tick()
}
