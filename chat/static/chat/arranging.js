// Where each message stands: which follow the one before, where a day and what is new begin.

import {$, clone} from '/static/chatsite/dom.js'
import {dayKey, dayLabel} from '/static/chatsite/time.js'

const FOLLOWS_WITHIN_MS = 5 * 60 * 1000

/**
 * Puts entries `{message, node, day}` behind `place`, in order; moves and draws only what changed.
 * `draw(entry, follows)` fills an article.
 */
export function arrange(entries, place, newLine, draw) {
  let previous = null
  let linePlaced = false
  for (const entry of entries) {
    const startsDay = !previous || dayOf(entry) !== dayOf(previous)
    const startsNew = newLine !== null && entry.message.seq === Number(newLine.dataset.seq)
    if (startsDay) place = after(place, headingOf(entry))
    else dropHeading(entry)
    if (startsNew) place = after(place, newLine)
    place = after(place, entry.node)
    draw(entry, !startsDay && !startsNew && follows(entry.message, previous.message))
    linePlaced ||= startsNew
    previous = entry
  }
  if (!linePlaced) newLine?.remove()
}

/** Takes an entry off the page. */
export function remove(entry) {
  entry.node.remove()
  dropHeading(entry)
}

function follows(message, previous) {
  return message.kind === 'text' && previous.kind === 'text' && !message.reply_to
    && message.author.id === previous.author.id
    && Date.parse(message.created_at) - Date.parse(previous.created_at) < FOLLOWS_WITHIN_MS
}

function dayOf(entry) {
  entry.key ??= dayKey(entry.message.created_at)
  return entry.key
}

function headingOf(entry) {
  entry.day ??= clone('t-day')
  const time = $('time', entry.day)
  time.dateTime = dayOf(entry)
  time.textContent = dayLabel(entry.message.created_at)
  return entry.day
}

function dropHeading(entry) {
  entry.day?.remove()
  entry.day = null
}

function after(place, node) {
  if (place.nextElementSibling !== node) place.after(node)
  return node
}
