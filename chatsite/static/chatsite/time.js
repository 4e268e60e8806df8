// Times and durations as the look writes them: 09:24, “Thursday, 19 November”, “4 min 12 s”.

import {fill, gettext, language} from './i18n.js'

const SECOND = 1000
const DAY = 24 * 60 * 60 * SECOND
const locale = language === 'en' ? 'en-GB' : language // day before month
const timeZone = document.documentElement.dataset.timeZone || undefined

const clockFormat = format({hour: '2-digit', minute: '2-digit', hourCycle: 'h23'})
const dayFormat = format({weekday: 'long', day: 'numeric', month: 'long'})
const dayWithYearFormat = format({weekday: 'long', day: 'numeric', month: 'long', year: 'numeric'})
const shortDayFormat = format({day: 'numeric', month: 'long'})
const keyFormat = new Intl.DateTimeFormat('en-CA', {timeZone, year: 'numeric', month: '2-digit', day: '2-digit'})

function format(options) {
  try {
    return new Intl.DateTimeFormat(locale, {...options, timeZone})
  } catch {
    return new Intl.DateTimeFormat(locale, options)
  }
}

/** “09:24” */
export function clock(moment) {
  return clockFormat.format(new Date(moment))
}

/** A day as a key that compares: “2026-11-20”, in the reader's time zone. */
export function dayKey(moment) {
  return keyFormat.format(new Date(moment))
}

/** “Today”, “Yesterday”, “Thursday, 19 November”, with the year where it is another. */
export function dayLabel(moment, now = Date.now()) {
  const key = dayKey(moment)
  if (key === dayKey(now)) return gettext('Today')
  if (key === dayKey(now - DAY)) return gettext('Yesterday')
  const sameYear = key.slice(0, 4) === dayKey(now).slice(0, 4)
  return capitalised((sameYear ? dayFormat : dayWithYearFormat).format(new Date(moment)))
}

function capitalised(text) {
  return text.charAt(0).toLocaleUpperCase(language) + text.slice(1)
}

/** Short, for lists: “09:24” today, “Yesterday”, else “19 November”. */
export function shortTime(moment, now = Date.now()) {
  const key = dayKey(moment)
  if (key === dayKey(now)) return clock(moment)
  if (key === dayKey(now - DAY)) return gettext('Yesterday')
  return shortDayFormat.format(new Date(moment))
}

/** The time, and the day where it isn't today: “Thu 19 November, 16:54” is told by a title. */
export function fullTime(moment) {
  return `${dayLabel(moment)}, ${clock(moment)}`
}

/** “58 s”, “4 min 12 s”, “2 h 5 min”, from seconds. */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) return fill(gettext('%(s)s s'), {s: whole})
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) {
    const rest = whole % 60
    return rest ? fill(gettext('%(min)s min %(s)s s'), {min: minutes, s: rest}) : fill(gettext('%(min)s min'), {min: minutes})
  }
  const restMinutes = minutes % 60
  const hours = Math.floor(minutes / 60)
  return restMinutes
    ? fill(gettext('%(h)s h %(min)s min'), {h: hours, min: restMinutes})
    : fill(gettext('%(h)s h'), {h: hours})
}
