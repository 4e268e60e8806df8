// Ctrl+K: rooms, people, running jobs and pages in one list.

import {$, avatar, clone, element, icon} from './dom.js'
import {go} from './going.js'
import {fill, gettext, ngettext, percentText} from './i18n.js'
import {matchRange, rank} from './match.js'
import {presenceOf} from './presence.js'
import {rooms} from './sidebar.js'
import {jobs} from './strip.js'

const SHOWN = 8
const JOB_ICONS = {running: 'dots', queued: 'clock', stalled: 'pause'}
const PAGES = [
  {name: gettext('Inbox'), url: '/notifications/', icon: 'inbox'},
  {name: gettext('Progress'), url: '/progress', icon: 'progress'},
  {name: gettext('Browse rooms'), url: '/rooms/', icon: 'search'},
  {name: gettext('People'), url: '/people/', icon: 'users'},
  {name: gettext('Search messages'), url: '/search', icon: 'search'},
  {name: gettext('Settings'), url: '/settings/', icon: 'sliders'},
]

let dialog, input, list
let hits = []
let chosen = 0

export function startSwitcher() {
  dialog = $('#switcher')
  input = $('input', dialog)
  list = $('.hits', dialog)
  new MutationObserver(() => dialog.open && begin()).observe(dialog, {attributeFilter: ['open']})
  input.addEventListener('input', find)
  input.addEventListener('keydown', onKey)
  list.addEventListener('click', event => {
    const item = event.target.closest('li')
    if (item) leave(hits[Number(item.dataset.index)].url)
  })
}

function begin() {
  input.value = ''
  find()
}

function find() {
  const wanted = input.value.trim()
  hits = [...everything()]
    .map(hit => ({...hit, rank: rank(wanted, hit.name)}))
    .filter(hit => hit.rank !== null)
    .sort((a, b) => a.rank - b.rank)
    .slice(0, SHOWN)
  list.replaceChildren(...hits.map((hit, index) => draw(hit, index, wanted)))
  $('.none', dialog).hidden = hits.length > 0
  const search = $('.find-messages', dialog)
  search.hidden = !wanted
  $('span', search).textContent = fill(gettext('search messages for “%(text)s”'), {text: wanted})
  choose(0)
}

function* everything() {
  const known = [...rooms.values()].sort((a, b) => b.mentions - a.mentions || b.unread - a.unread)
  for (const room of known) {
    if (room.person) yield {name: room.person.name, url: `/rooms/${room.slug}/`, person: room.person, facts: unreadFacts(room)}
    else yield {name: room.name, url: `/rooms/${room.slug}/`, icon: room.kind === 'private' ? 'lock' : 'hash', facts: room.topic || unreadFacts(room)}
  }
  for (const job of jobs.values()) {
    yield {name: job.title, url: '/progress', status: job.status, facts: jobFacts(job)}
  }
  yield* PAGES
}

function unreadFacts({unread}) {
  return unread ? fill(ngettext('%(n)s unread', '%(n)s unread', unread), {n: unread}) : ''
}

function jobFacts({status, percent, step}) {
  if (status === 'stalled') return gettext('No word')
  if (status === 'queued') return gettext('Queued')
  return [percent === null ? '' : percentText(Math.floor(percent)), step].filter(Boolean).join(', ')
}

function draw(hit, index, wanted) {
  const item = clone('t-hit')
  item.id = `hit-${index}`
  item.dataset.index = index
  if (hit.status) item.dataset.status = hit.status
  item.prepend(pictureOf(hit))
  $('.name', item).append(...marked(hit.name, wanted))
  $('small', item).textContent = hit.facts ?? ''
  return item
}

function pictureOf({person, status, icon: name}) {
  if (person) return avatar(person, {size: 'sm', presence: presenceOf(person.id) ?? person.presence ?? 'offline'})
  if (status) return element('span', {className: 'glyph'}, icon(JOB_ICONS[status]))
  return icon(name)
}

function marked(name, wanted) {
  const range = matchRange(wanted, name)
  if (!range) return [name]
  const [start, end] = range
  return [name.slice(0, start), element('mark', {textContent: name.slice(start, end)}), name.slice(end)]
}

function choose(index) {
  chosen = hits.length ? (index + hits.length) % hits.length : 0
  for (const item of list.children) item.ariaSelected = String(Number(item.dataset.index) === chosen)
  const item = list.children[chosen]
  if (item) input.setAttribute('aria-activedescendant', item.id)
  else input.removeAttribute('aria-activedescendant')
  item?.scrollIntoView({block: 'nearest'})
}

function onKey(event) {
  if (event.key === 'ArrowDown') choose(chosen + 1)
  else if (event.key === 'ArrowUp') choose(chosen - 1)
  else if (event.key !== 'Enter') return
  event.preventDefault()
  if (event.key !== 'Enter') return
  if ((event.ctrlKey || event.metaKey) && input.value.trim()) leave(`/search?q=${encodeURIComponent(input.value.trim())}`)
  else if (hits[chosen]) leave(hits[chosen].url)
}

function leave(url) {
  dialog.close()
  go(url)
}
