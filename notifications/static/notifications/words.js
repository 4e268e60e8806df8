// What jobs are doing, in the reader's words. Pure: a job (and the time) in, text out.

import {fill, gettext, language, percentText} from '/static/chatsite/i18n.js'
import {clock, dayKey, duration, shortTime} from '/static/chatsite/time.js'

const ETA_STEP_SECONDS = 5
const SLOW_PER_SECOND = 1
const DAY_MS = 24 * 60 * 60 * 1000
const NAMED_DAYS = 6

const countFormat = new Intl.NumberFormat(language)
const {timeZone} = document.documentElement.dataset
const weekdayFormat = new Intl.DateTimeFormat(language, {weekday: 'short', timeZone})
const rateFormat = new Intl.NumberFormat(language, {maximumSignificantDigits: 2})

export const GLYPHS = {
  queued: 'clock', running: 'dots', stalled: 'pause', succeeded: 'check', failed: 'alert', cancelled: 'minus',
}

/** “12,940” */
export const countText = count => countFormat.format(count)

/** Whether this site can run it again; an outside program has to do that itself. */
export const canRunAgain = job => Boolean(job.kind)

export const isCancelling = job => job.cancel_requested && (job.status === 'running' || job.status === 'stalled')

/** What it does now: “Stitching sheet 31 of 50”, “Cancelling after this step”, “No word from its program”. */
export function nowText(job) {
  if (job.status === 'queued') return gettext('Queued')
  if (job.status === 'stalled') return gettext('No word from its program')
  if (isCancelling(job)) return gettext('Cancelling after this step')
  return job.step || gettext('Running')
}

/** “4 min 12 s · about 2 min 35 s left · 7.4 a minute”; `now` in ms, by the server's clock. */
export function factsText(job, now) {
  if (job.status === 'stalled') return gettext('goes on by itself when it reports again')
  const facts = []
  if (job.started_at) facts.push(duration((now - Date.parse(job.started_at)) / 1000))
  if (job.percent == null) facts.push(gettext('no total'))
  if (job.eta_seconds && !isCancelling(job)) facts.push(leftText(job))
  if (job.rate) facts.push(rateText(job.rate))
  return facts.join(' · ')
}

/** “about 2 min 35 s left” */
export function leftText(job) {
  const seconds = Math.ceil(job.eta_seconds / ETA_STEP_SECONDS) * ETA_STEP_SECONDS
  return fill(gettext('about %(time)s left'), {time: duration(seconds)})
}

function rateText(perSecond) {
  if (perSecond >= SLOW_PER_SECOND) return fill(gettext('%(rate)s a second'), {rate: rateFormat.format(perSecond)})
  return fill(gettext('%(rate)s a minute'), {rate: rateFormat.format(perSecond * 60)})
}

/** How it ended: “Finished in 3 min 41 s”, “Failed at 70%: mirror-2 is full”, “Cancelled at 11%”. */
export function outcomeText(job) {
  if (job.status === 'succeeded') return fill(gettext('Finished in %(time)s'), {time: duration(tookSeconds(job))})
  if (job.status === 'failed') return failureText(job)
  if (job.percent == null) return gettext('Cancelled')
  return fill(gettext('Cancelled at %(percent)s'), {percent: percentText(job.percent)})
}

function failureText({percent, error}) {
  if (percent == null) return error ? fill(gettext('Failed: %(why)s'), {why: error}) : gettext('Failed')
  const values = {percent: percentText(percent), why: error}
  return fill(error ? gettext('Failed at %(percent)s: %(why)s') : gettext('Failed at %(percent)s'), values)
}

/** Seconds from the start to the end; 0 for what never started. */
export function tookSeconds(job) {
  return job.started_at && job.finished_at ? (Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000 : 0
}

/** Sets a progress element to a job; without a total it wanders while the job runs. */
export function fillBar(bar, job) {
  if (job.percent == null && job.status === 'running') bar.removeAttribute('value')
  else Object.assign(bar, {max: 100, value: job.percent ?? 0})
}

/** “Today, 08:47”, “Yesterday, 17:36”, “Wed, 16:02”, “23 October, 03:00”. */
export function whenText(moment, now = Date.now()) {
  const at = Date.parse(moment)
  const day = now - at < NAMED_DAYS * DAY_MS && dayKey(at) !== dayKey(now) && dayKey(at) !== dayKey(now - DAY_MS)
    ? weekdayFormat.format(at)
    : dayKey(at) === dayKey(now) ? gettext('Today') : shortTime(at, now)
  return `${day}, ${clock(at)}`
}
