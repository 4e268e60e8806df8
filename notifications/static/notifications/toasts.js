// Toasts of jobs and of what people say to the reader, on every page.
//
// A job's toast comes at its start, at every quarter and at its end, and is the same one
// all the time. It leaves some seconds after it last spoke; failures and silence stay.

import {inboxSocket} from '/static/chatsite/sockets.js'
import {avatar, element, icon} from '/static/chatsite/dom.js'
import {gettext, percentText} from '/static/chatsite/i18n.js'
import {shell, shown} from '/static/chatsite/store.js'
import {cancel, retry} from './actions.js'
import {isOpen, jobs} from './jobs.js'
import {detail, isTalk, sentenceText} from './notices.js'
import {hideToast, isShown, moveBar, showToast} from './rack.js'
import {GLYPHS, canRunAgain, fillBar, isCancelling, nowText, outcomeText} from './words.js'

const QUARTER_PERCENT = 25
const STAYING = new Set(['failed', 'stalled'])

const quarters = new Map() // job id → the last quarter that was told
const hidden = new Set() // jobs whose toast the reader closed; their end is told all the same

/** `missed`: events that came before there was somebody to listen. */
export function runToasts(missed) {
  const handlers = {
    'notification.created': ({notification}) => tellTalk(notification),
    'notification.read': ({ids}) => ids.forEach(id => hideToast(`notice:${id}`)),
  }
  jobs.load(shell.jobs.filter(({id}) => !jobs.get(id)))
  jobs.addEventListener('change', ({detail: {job, cause}}) => tellJob(job, cause))
  for (const [type, handler] of Object.entries(handlers)) inboxSocket.on(type, handler)
  for (const event of missed) {
    if (event.job) jobs.apply(event)
    else handlers[event.type](event)
  }
}

function tellJob(job, cause) {
  const key = `job:${job.id}`
  if (cause === 'job.progressed' && !isNewQuarter(job) && !(isCancelling(job) && isShown(key))) {
    moveBar(key, bar => fillBar(bar, job), nowLine(job))
    return
  }
  if (cause === 'loaded' ? !isShown(key) : isOpen(job) && hidden.has(job.id)) return
  if (cause !== 'job.progressed') isNewQuarter(job)
  showToast(key, isOpen(job) ? openSays(job) : endedSays(job), () => {
    if (isOpen(jobs.get(job.id))) hidden.add(job.id)
  })
  if (!isOpen(job)) forget(job.id)
}

/** Whether the job has come into a quarter that was not told yet; notes it. */
function isNewQuarter({id, percent}) {
  if (percent == null) return false
  const quarter = Math.floor(percent / QUARTER_PERCENT)
  const before = quarters.get(id)
  quarters.set(id, quarter)
  return before !== undefined && quarter > before
}

function forget(id) {
  quarters.delete(id)
  hidden.delete(id)
}

function openSays(job) {
  return {
    ...says(job),
    text: nowLine(job),
    bar: job.status === 'queued' ? null : bar => fillBar(bar, job),
    action: isCancelling(job) ? null : {label: gettext('Cancel'), quiet: true, run: () => cancel(jobs.get(job.id))},
  }
}

function endedSays(job) {
  return {
    ...says(job),
    text: outcomeText(job),
    urgent: job.status === 'failed',
    bar: job.status === 'succeeded' ? null : bar => fillBar(bar, job),
    action: endAction(job),
  }
}

function says(job) {
  return {
    lead: element('span', {className: 'glyph'}, icon(GLYPHS[job.status])),
    title: job.title,
    url: `/progress#job-${job.id}`,
    status: job.status,
    stays: STAYING.has(job.status),
  }
}

function endAction(job) {
  if (job.status === 'succeeded') return {label: gettext('Open'), href: job.result_url ?? `/progress#job-${job.id}`}
  if (!canRunAgain(job)) return null
  const label = job.status === 'failed' ? gettext('Retry') : gettext('Run again')
  return {label, glyph: 'retry', quiet: job.status !== 'failed', run: () => retry(job)}
}

function nowLine(job) {
  const now = nowText(job)
  return job.percent == null || job.status === 'queued' ? now : `${now}, ${percentText(job.percent)}`
}

/** Somebody spoke to the reader, who looks at something else. */
function tellTalk(notice) {
  if (!(isTalk(notice) || notice.kind === 'room.added') || isInSight(notice)) return
  showToast(`notice:${notice.id}`, {
    lead: avatar(notice.actor ?? {id: 0, name: ''}, {size: 'sm'}),
    title: shortTitle(notice),
    url: notice.url,
    text: detail(notice) || sentenceText(notice),
    reads: sentenceText(notice),
    action: {label: gettext('Open'), href: notice.url},
  })
}

/** “Bob Ferreira · #tiles”: who and where fit into one line, the whole sentence is read out. */
function shortTitle({actor, data}) {
  const room = data.room?.name && `#${data.room.name}`
  return [actor?.name, room].filter(Boolean).join(' · ')
}

function isInSight({data}) {
  if (document.hidden) return false
  if (document.getElementById('inbox')) return true
  return shown.room !== null && shown.room === data.room?.id
}
