// From room to room without leaving the page: links, Ctrl+K, back and forward. What is no room, and whatever
// the server answers but a room, is left to the browser; so are clicks that ask for another tab.

import {$} from '/static/chatsite/dom.js'
import {close as closeDrawer} from '/static/chatsite/drawer.js'
import {going} from '/static/chatsite/going.js'
import {fill, gettext} from '/static/chatsite/i18n.js'
import {markCurrent} from '/static/chatsite/sidebar.js'
import {chatSocket} from '/static/chatsite/sockets.js'
import {draftOf, keepDraft} from './drafts.js'
import {RoomView, say} from './roomview.js'
import {isKept, keep, takeBack} from './seenrooms.js'

const HERE = Symbol('the room that is shown')
const FAILED = 500
const TOLD_MS = 20_000
const ROOM = /^\/rooms\/([^/]+)\/$/

let view
let path = location.pathname
let step = history.state?.step ?? 0 // how many steps into the history this entry is
let wishes = 0
let telling = 0
let ahead = null // {href, answer} of the link that is being pressed
const places = new Map() // step → where the reader was there

export function startSwitching(page) {
  history.scrollRestoration = 'manual'
  history.replaceState({step}, '')
  view = new RoomView(page)
  document.addEventListener('pointerdown', onPress)
  for (const end of ['pointerup', 'pointercancel']) document.addEventListener(end, forgetSoon)
  document.addEventListener('click', onClick)
  going.addEventListener('wanted', event => {
    const url = new URL(event.detail.url, location.href)
    if (!isRoom(url)) return
    event.preventDefault()
    visit(url)
  })
  addEventListener('popstate', ({state}) => travel(state))
  addEventListener('online', () => tellTrouble(false))
  chatSocket.addEventListener('statechange', () => {
    if (chatSocket.state === 'open') tellTrouble(false)
  })
}

/** A mouse's button is down for a tenth of a second before it clicks: long enough for most of the answer. */
function onPress(event) {
  const link = event.pointerType === 'mouse' && linkOf(event)
  if (link && link.pathname !== path && !isKept(slugOf(link))) ahead = {href: link.href, answer: ask(link.href)}
}

/** The click that may follow comes first. */
function forgetSoon() {
  setTimeout(() => { ahead = null })
}

function onClick(event) {
  const link = linkOf(event)
  if (!link || event.defaultPrevented) return
  event.preventDefault()
  visit(new URL(link.href))
}

/** The link to a room that a plain click on it would follow. */
function linkOf(event) {
  const link = event.target.closest('a[href]')
  const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey
  if (!link || !isPlain || link.target || link.download) return null
  return isRoom(link) && !link.getAttribute('href').startsWith('#') ? link : null
}

function isRoom({origin, pathname}) {
  return origin === location.origin && ROOM.test(pathname)
}

function slugOf({pathname}) {
  return ROOM.exec(pathname)?.[1]
}

/** Goes to a room as a new step. */
async function visit(url) {
  const page = await find(url)
  if (!page) return
  places.set(step, view.place)
  if (url.href !== location.href) history.pushState({step: ++step}, '', url)
  if (page === HERE) view.goToNamed()
  else show(page)
}

/** Back or forward: the address has changed already. A step without a number led to a part of the page. */
async function travel(state) {
  if (!state) history.replaceState({step: step + 1}, '')
  const from = step
  const to = history.state.step
  if (to === from) return
  const page = await find(new URL(location.href))
  if (page === null) history.go(from - to) // the room can't be had: the address goes back to the one that is shown
  if (!page) return
  places.set(from, view.place)
  step = to
  if (page !== HERE) show(page, places.get(to))
  else if (state && location.hash) view.goToNamed()
}

/** A room's page, or HERE; null where it can't be had, undefined where another was wished for meanwhile. */
async function find(url) {
  const {pathname, href} = url
  const wish = ++wishes
  closeDrawer()
  markCurrent(pathname)
  if (pathname === path) {
    view.composer.release()
    return HERE
  }
  view.composer.hold()
  const page = takeBack(slugOf(url)) ?? await load(href)
  if (wish !== wishes) return undefined
  if (!page) {
    markCurrent(path)
    view.composer.release()
  }
  tellTrouble(!page)
  return page
}

async function load(url) {
  const answer = await (ahead?.href === url ? ahead.answer : ask(url))
  if (!answer || answer.status >= FAILED) return null
  if (answer.ok && !answer.redirected) return answer.json().catch(() => null)
  return leaveFor(url) // signed out, or there is no such room: the server's own page says so
}

function ask(url) {
  return fetch(url, {headers: {Accept: 'application/json'}}).catch(() => null)
}

/** Never comes back: the page ends. */
function leaveFor(url) {
  if (url === location.href) location.reload()
  else location.assign(url)
  return new Promise(() => {})
}

function show(page, place) {
  const typed = view.composer.takeTyped()
  if (typed && !draftOf(page.room.id)) keepDraft(page.room.id, typed)
  const left = view.leave()
  if (left) keep(left)
  path = location.pathname
  view = new RoomView(page, place)
  say(fill(gettext('You are in %(room)s'), {room: view.title}))
}

function tellTrouble(isThere) {
  clearTimeout(telling)
  $('#trouble').hidden = !isThere
  if (isThere) telling = setTimeout(() => tellTrouble(false), TOLD_MS)
}
