// One line of the inbox: a notification, or a job of mine that runs.

import {$, clone, element, icon} from '/static/chatsite/dom.js'
import {gettext, percentText} from '/static/chatsite/i18n.js'
import {clock, fullTime} from '/static/chatsite/time.js'
import {retry} from './actions.js'
import {detail, isTalk, lead, sentenceNodes, statusOf} from './notices.js'
import {GLYPHS, fillBar, leftText, nowText} from './words.js'

/** `markRead(ids)` is called when the reader is done with it. */
export function noticeEntry(notice, markRead) {
  const entry = newEntry(lead(notice), notice.created_at)
  entry.id = `notice-${notice.id}`
  if (statusOf(notice)) entry.dataset.status = statusOf(notice)
  const link = $('.what a', entry)
  link.href = notice.url
  link.append(...sentenceNodes(notice))
  link.addEventListener('click', () => { if (!notice.read_at) markRead([notice.id]) })
  $('.what p', entry).textContent = detail(notice)
  showRead(entry, notice, markRead)
  return entry
}

/** Unread: heavier, with a dot, a bordered action and ✓; read: quiet. */
export function showRead(entry, notice, markRead) {
  const unread = !notice.read_at
  entry.toggleAttribute('data-unread', unread)
  const acts = [action(notice, unread, markRead)]
  if (unread) acts.push(readButton(notice, markRead))
  const hadFocus = $('.acts', entry).contains(document.activeElement)
  $('.acts', entry).replaceChildren(...acts)
  if (hadFocus) $('.what a', entry).focus()
}

function action(notice, unread, markRead) {
  const className = unread ? 'btn sm' : 'btn sm quiet'
  const done = () => { if (!notice.read_at) markRead([notice.id]) }
  if (notice.kind === 'job.failed' && notice.job?.status === 'failed') {
    const again = () => {
      done()
      retry(notice.job)
    }
    return element('button', {className, type: 'button', onclick: again}, icon('retry'), gettext('Retry'))
  }
  if (isTalk(notice)) return element('a', {className, href: notice.url, onclick: done}, icon('reply'), gettext('Reply'))
  const result = notice.data.result_url
  const words = result ? gettext('Open result') : gettext('Open')
  return element('a', {className, href: result ?? notice.url, onclick: done}, words)
}

function readButton(notice, markRead) {
  const button = element('button', {className: 'btn icon-only quiet sm', type: 'button'}, icon('check'))
  button.ariaLabel = gettext('Mark as read')
  button.addEventListener('click', () => markRead([notice.id]))
  return button
}

/** A job that runs: it has a bar and can be watched. */
export function jobEntry(job) {
  const entry = newEntry(element('span', {className: 'glyph'}), job.started_at ?? job.created_at)
  entry.id = `running-${job.id}`
  const link = $('.what a', entry)
  link.href = `/progress#job-${job.id}`
  link.append(...runningSentence(job))
  link.after(element('progress', {ariaLabel: job.title}))
  $('.acts', entry).append(element('a', {className: 'btn sm quiet', href: link.href, textContent: gettext('Watch')}))
  showJob(entry, job)
  return entry
}

function runningSentence(job) {
  return gettext('%(job)s is running').split(/%\(job\)s/).flatMap((part, index) =>
    index ? [element('b', {textContent: job.title}), part] : [part])
}

export function showJob(entry, job) {
  if (entry.dataset.status !== job.status) $('.glyph', entry).replaceChildren(icon(GLYPHS[job.status]))
  entry.dataset.status = job.status
  fillBar($('progress', entry), job)
  const facts = job.step ? [nowText(job)] : []
  if (job.percent != null) facts.push(percentText(job.percent))
  if (job.eta_seconds) facts.push(leftText(job))
  $('.what p', entry).textContent = facts.join(', ')
}

function newEntry(leadElement, moment) {
  const entry = clone('entry-template')
  entry.prepend(leadElement)
  const time = $('time', entry)
  time.dateTime = moment
  time.textContent = clock(moment)
  time.title = fullTime(moment)
  return entry
}
