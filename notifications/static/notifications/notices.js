// What a notification says, formed in the reader's language from its kind, actor and data.

import {avatar, element, icon} from '/static/chatsite/dom.js'
import {fill, gettext, percentText} from '/static/chatsite/i18n.js'
import {duration} from '/static/chatsite/time.js'
import {GLYPHS} from './words.js'

const JOB_STATUS = {
  'job.succeeded': 'succeeded', 'job.failed': 'failed', 'job.stalled': 'stalled', 'job.cancelled': 'cancelled',
}

/** The status a notification of a job tells, or undefined: it is about something else. */
export const statusOf = notice => JOB_STATUS[notice.kind]

export const isTalk = notice => ['mention', 'reply', 'direct'].includes(notice.kind)

/** A sentence with places: “%(who)s named you in %(room)s”. */
function sentence({kind, data, actor}) {
  const inRoom = Boolean(data.room?.name)
  switch (kind) {
    case 'mention': return inRoom ? gettext('%(who)s named you in %(room)s') : gettext('%(who)s named you')
    case 'reply': return inRoom ? gettext('%(who)s replied to you in %(room)s') : gettext('%(who)s replied to you')
    case 'direct': return gettext('%(who)s wrote to you')
    case 'room.added': return gettext('%(who)s added you to %(room)s')
    case 'job.succeeded': return gettext('%(job)s finished')
    case 'job.failed':
      return data.percent == null ? gettext('%(job)s failed') : gettext('%(job)s failed at %(percent)s')
    case 'job.stalled': return gettext('%(job)s has gone silent')
    case 'job.cancelled': return actor ? gettext('%(who)s cancelled %(job)s') : gettext('%(job)s was cancelled')
    default: return '%(text)s' // of a newer version, during a deploy
  }
}

/** The sentence as plain text. */
export const sentenceText = notice => fill(sentence(notice), places(notice))

/** The sentence with its names in bold. */
export function sentenceNodes(notice) {
  const values = places(notice)
  return sentence(notice).split(/%\((\w+)\)s/).map((part, index) => {
    if (index % 2 === 0) return part
    return part === 'percent' ? values[part] : element('b', {textContent: values[part]})
  })
}

function places({kind, actor, text, data, job}) {
  const room = data.room?.name ?? ''
  return {
    who: actor?.name ?? gettext('Somebody'),
    room: kind === 'room.added' ? room : `#${room}`,
    job: job?.title ?? text,
    percent: data.percent == null ? '' : percentText(data.percent),
    text,
  }
}

/** The line under the sentence: what was said, or how it went. */
export function detail(notice) {
  const {kind, text, data: {seconds, percent, error}} = notice
  if (isTalk(notice)) return text && fill(gettext('“%(text)s”'), {text})
  if (kind === 'job.succeeded') return seconds == null ? '' : fill(gettext('in %(time)s'), {time: duration(seconds)})
  if (kind === 'job.failed') return error ?? ''
  if (kind === 'job.stalled') return gettext('It goes on by itself when its program reports again.')
  if (kind !== 'job.cancelled') return text
  return percent == null ? '' : fill(gettext('at %(percent)s'), {percent: percentText(percent)})
}

/** Whose it is: the actor's picture, or a glyph. */
export function lead(notice) {
  const status = statusOf(notice)
  if (status) return element('span', {className: 'glyph'}, icon(GLYPHS[status]))
  if (notice.kind === 'room.added' || !notice.actor) {
    return element('span', {className: 'glyph plain'}, icon(notice.kind === 'room.added' ? 'hash' : 'bell'))
  }
  return avatar(notice.actor)
}
