// What a reader can do with a job: stop it, run it again.

import {ApiError, api} from '/static/chatsite/api.js'
import {confirmed} from '/static/chatsite/dialogs.js'
import {element, icon} from '/static/chatsite/dom.js'
import {fill, gettext} from '/static/chatsite/i18n.js'
import {jobs} from './jobs.js'
import {showToast} from './rack.js'

/** Asks, then requests the job's cancellation. */
export async function cancel(job) {
  const sure = job.status === 'queued' || await confirmed({
    title: fill(gettext('Cancel “%(title)s”?'), {title: job.title}),
    text: gettext('It stops after the step that it is at. What is done stays where it is.'),
    yes: gettext('Cancel the job'),
    no: gettext('Let it run'),
  })
  if (sure) await ask(job, 'cancel')
}

/** Puts a job that ended back into the queue. */
export const retry = job => ask(job, 'retry')

async function ask(job, verb) {
  const before = jobs.get(job.id)
  try {
    const answer = await api('POST', `/api/jobs/${job.id}/${verb}`)
    if (jobs.get(job.id) === before) jobs.load([answer]) // else the socket was faster and knows more
  } catch (error) {
    tell(error, job)
  }
}

/** Says in a toast why something could not be done. */
export function tell(error, job) {
  showToast(`problem:${job.id}`, {
    lead: element('span', {className: 'glyph'}, icon('alert')),
    title: job.title,
    url: `/progress#job-${job.id}`,
    text: problemText(error),
    status: 'failed',
    urgent: true,
  })
}

/** A refusal in the server's words; else that the server can't be reached. */
export function problemText(error) {
  return error instanceof ApiError && error.message ? error.message : gettext('The server can’t be reached right now.')
}
