// How long the runs of one title took, as bars. Shown where a title ran often enough to compare.

import {$, element} from '/static/chatsite/dom.js'
import {fill, gettext, ngettext} from '/static/chatsite/i18n.js'
import {duration, shortTime} from '/static/chatsite/time.js'
import {countText, tookSeconds} from './words.js'

const SVG = 'http://www.w3.org/2000/svg'
const LEAST_RUNS = 3
const MOST_RUNS = 28
const WIDTH = 600
const FOOT = 96
const GRID = [12, 40, 68, 95.5]
const UNIT_HEIGHT = 28 // from one line of the grid to the next
const UNITS = 3
const BAR_SHARE = 0.65
const MOST_BAR_WIDTH = 36
// Once, twice and three times each are short to say: “20 s”, “40 s”, “1 min”.
const NICE_SECONDS = [1, 2, 5, 10, 15, 20, 60, 120, 300, 600, 900, 1200, 3600, 7200, 14400, 28800, 86400]

/** `finished`: jobs, the last to finish first. */
export function showDurations(figure, finished) {
  const runs = Map.groupBy(finished.filter(job => job.started_at && job.status !== 'cancelled'), job => job.title)
  const titles = [...runs.keys()].filter(title => runs.get(title).length >= LEAST_RUNS)
  figure.hidden = titles.length === 0
  if (titles.length === 0) return
  const select = $('select', figure)
  const chosen = titles.includes(select.value) ? select.value : titles[0]
  select.replaceChildren(...titles.map(title => element('option', {textContent: title, selected: title === chosen})))
  select.onchange = () => showDurations(figure, finished)
  draw(figure, chosen, runs.get(chosen).slice(0, MOST_RUNS).reverse())
}

function draw(figure, title, runs) {
  const took = runs.map(tookSeconds)
  const unit = NICE_SECONDS.find(seconds => Math.max(...took) <= seconds * UNITS) ?? NICE_SECONDS.at(-1)
  const mean = took.reduce((sum, seconds) => sum + seconds, 0) / took.length
  const facts = fill(
    ngettext('%(count)s run, %(time)s on average', '%(count)s runs, %(time)s on average', runs.length),
    {count: countText(runs.length), time: duration(mean)})
  $('.facts', figure).textContent = facts
  const svg = $('.chart svg', figure)
  svg.setAttribute('aria-label', `${title}: ${facts}. ${failures(runs)}`)
  svg.replaceChildren(
    ...GRID.map(y => shape('path', {d: `M0 ${y}H${WIDTH}`})),
    ...runs.map((run, index) => bar(run, index, runs.length, took[index] / unit)))
  const [first, second, third] = $('.ys', figure).children
  ;[first.textContent, second.textContent, third.textContent] = [3, 2, 1].map(count => duration(count * unit))
  const [from, to] = $('.xs', figure).children
  from.textContent = shortTime(runs[0].started_at)
  to.textContent = shortTime(runs.at(-1).started_at)
}

function bar(run, index, count, units) {
  const slot = WIDTH / count
  const height = Math.min(FOOT, Math.max(2, units * UNIT_HEIGHT))
  const name = run.status === 'failed' ? 'bad' : index === count - 1 ? 'now' : 'ran'
  const width = Math.min(slot * BAR_SHARE, MOST_BAR_WIDTH)
  return shape('rect', {class: name, x: index * slot + (slot - width) / 2, y: FOOT - height, width, height, rx: 2})
}

function failures(runs) {
  const count = runs.filter(run => run.status === 'failed').length
  if (!count) return gettext('None failed')
  return fill(ngettext('%(count)s failed', '%(count)s failed', count), {count: countText(count)})
}

function shape(tag, attributes) {
  const made = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  return made
}
