// The page /notifications/: what waits, by day; new entries arrive at the top, read ones grow quiet in all tabs.

import {api, csrfToken} from '/static/chatsite/api.js'
import {$, pageData} from '/static/chatsite/dom.js'
import {fill, gettext, listed, ngettext} from '/static/chatsite/i18n.js'
import {inboxSocket} from '/static/chatsite/sockets.js'
import {clock, dayKey, dayLabel} from '/static/chatsite/time.js'
import {problemText} from './actions.js'
import {Days} from './days.js'
import {jobEntry, noticeEntry, showJob, showRead} from './entry.js'
import {jobs} from './jobs.js'
import {isTalk, statusOf} from './notices.js'
import {countText} from './words.js'

const DAY_MS = 24 * 60 * 60 * 1000
const SHOWS = {
  waiting: () => true, // one that was read stays until the page is left, so that nothing jumps
  mentions: isTalk,
  jobs: statusOf,
  everything: () => true,
}

const data = pageData('page-data')
const days = new Days($('#end'))
const notices = new Map()
const running = new Map()
let hasMore = data.has_more
let waiting = data.waiting

jobs.load(data.jobs, data.now)
data.notifications.forEach(add)
showRunning()
showState()
jobs.addEventListener('change', ({detail}) => {
  showRunning()
  showStatus(detail.job)
})
inboxSocket.follow(`inbox:${data.me}`, {after: data.head, epoch: data.epoch, onReset: () => location.reload()})
inboxSocket.on('notification.created', ({notification}) => {
  add(notification)
  refreshWaiting()
})
inboxSocket.on('notification.read', ({ids, up_to: upTo}) => {
  for (const notice of notices.values()) if (ids.includes(notice.id) || notice.id <= upTo) setRead(notice)
  refreshWaiting()
})
$('#read-all').addEventListener('click', () => post({up_to: Math.max(...notices.keys(), 0)}))
$('#older').addEventListener('click', showOlder)

function add(notice) {
  if (notices.has(notice.id) || !SHOWS[data.show](notice)) return
  notices.set(notice.id, notice)
  days.insert(noticeEntry(notice, markRead), notice.created_at)
  showState()
}

function setRead(notice) {
  if (notice.read_at) return
  notice.read_at = new Date().toISOString()
  showRead($(`#notice-${notice.id}`), notice, markRead)
}

/** What can be done about a failed job changes when it runs again. */
function showStatus(job) {
  for (const notice of notices.values()) {
    if (notice.job?.id !== job.id || notice.job.status === job.status) continue
    notice.job.status = job.status
    showRead($(`#notice-${notice.id}`), notice, markRead)
  }
}

/** Shown at once; told to the server, whose event tells the other tabs. */
function markRead(ids) {
  for (const id of ids) setRead(notices.get(id))
  return post({ids})
}

/** Arrives even where the reader follows a link right after. */
async function post(mark) {
  const headers = {'Content-Type': 'application/json', 'X-CSRFToken': csrfToken()}
  const request = {method: 'POST', headers, body: JSON.stringify(mark), keepalive: true}
  const answer = await fetch('/api/notifications/read', request).catch(() => null)
  if (!answer?.ok) $('#summary').textContent = gettext('That could not be marked as read.')
}

function showRunning() {
  // A silent one has a notification of its own.
  const isListed = data.show === 'everything' || data.show === 'jobs'
  const shown = isListed ? jobs.running.filter(job => job.status === 'running') : []
  for (const [id, entry] of running) {
    if (shown.some(job => job.id === id)) continue
    days.remove(entry)
    running.delete(id)
  }
  for (const job of shown) {
    if (running.has(job.id)) {
      showJob(running.get(job.id), job)
    } else {
      running.set(job.id, jobEntry(job))
      days.insert(running.get(job.id), job.started_at ?? job.created_at)
    }
  }
  showState()
}

async function showOlder() {
  const last = Math.min(...notices.keys())
  try {
    const page = await api('GET', `/notifications/older?show=${data.show}&before=${last}`)
    hasMore = page.has_more
    page.notifications.forEach(add)
  } catch (error) {
    $('#end span').textContent = problemText(error)
    return
  }
  showState()
}

async function refreshWaiting() {
  try {
    waiting = await api('GET', '/notifications/waiting')
  } catch {
    return // the next event asks again
  }
  showState()
}

function showState() {
  const {count} = waiting
  $('#waiting').textContent = count
    ? fill(ngettext('%(count)s thing waits for you', '%(count)s things wait for you', count), {count: countText(count)})
    : gettext('Nothing waits for you')
  $('#summary').textContent = count ? summary() : ''
  $('#waiting-count').textContent = count ? countText(count) : ''
  $('#read-all').hidden = count === 0
  $('#nothing').hidden = !days.isEmpty
  $('#nothing h2').textContent = data.show === 'waiting' ? gettext('All read') : gettext('Nothing here yet')
  $('#older').hidden = !hasMore
  $('#end span').textContent = notices.size ? endText() : ''
}

/** “Since yesterday, 17:00: 1 job finished, 1 job failed, and 2 people wrote to you.” */
function summary() {
  const {kinds, people, since} = waiting
  const parts = [
    [kinds['job.succeeded'], n => ngettext('%(n)s job finished', '%(n)s jobs finished', n)],
    [kinds['job.failed'], n => ngettext('%(n)s job failed', '%(n)s jobs failed', n)],
    [kinds['job.stalled'], n => ngettext('%(n)s job has gone silent', '%(n)s jobs have gone silent', n)],
    [kinds['job.cancelled'], n => ngettext('%(n)s job was cancelled', '%(n)s jobs were cancelled', n)],
    [people, n => ngettext('%(n)s person wrote to you', '%(n)s people wrote to you', n)],
    [kinds['room.added'], n => ngettext('you were added to %(n)s room', 'you were added to %(n)s rooms', n)],
  ]
  const said = parts.filter(([n]) => n).map(([n, words]) => fill(words(n), {n: countText(n)}))
  return fill(sinceWords(since), {time: clock(since), day: dayLabel(since), what: listed(said)})
}

function sinceWords(since) {
  if (dayKey(since) === dayKey(Date.now())) return gettext('Since %(time)s: %(what)s.')
  if (dayKey(since) === dayKey(Date.now() - DAY_MS)) return gettext('Since yesterday, %(time)s: %(what)s.')
  return gettext('Since %(day)s, %(time)s: %(what)s.')
}

function endText() {
  const first = notices.get(Math.min(...notices.keys()))
  const day = dayLabel(first.created_at)
  return hasMore ? fill(gettext('That is everything since: %(day)s.'), {day}) : gettext('That is everything.')
}
