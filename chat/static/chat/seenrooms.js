// Rooms seen before: what stood in them, kept as it now is by the events that come anyway. Who comes back
// finds it at once; only what no event tells (a stream that starts afresh, a room one is out of) is forgotten.

import {rooms} from '/static/chatsite/sidebar.js'
import {chatSocket} from '/static/chatsite/sockets.js'
import {PAGE} from './timeline.js'

const ROOMS_KEPT = 20

const pages = new Map() // room → page; the last one seen is the last

for (const type of ['message.posted', 'message.edited', 'message.deleted', 'message.reacted']) {
  chatSocket.on(type, ({message}) => put(message))
}
chatSocket.addEventListener('reset', ({detail: {stream}}) => pages.delete(Number(stream.replace('room:', ''))))
document.addEventListener('room:removed', ({detail}) => pages.delete(detail.room))

/** Takes a page that is left. Only rooms in the sidebar are followed all the time. */
export function keep(page) {
  if (!rooms.has(page.room.id)) return
  pages.set(page.room.id, page)
  if (pages.size > ROOMS_KEPT) pages.delete(pages.keys().next().value)
}

export function isKept(slug) {
  return Boolean(pageOf(slug))
}

/** Gives a page back, which then is the reader's; null where none is kept. */
export function takeBack(slug) {
  const page = pageOf(slug)
  if (!page) return null
  pages.delete(page.room.id)
  page.room.last_read_seq = rooms.get(page.room.id).last_read_seq
  return page
}

function pageOf(slug) {
  return [...pages.values()].find(({room}) => room.slug === slug)
}

function put(message) {
  const page = pages.get(message.room)
  if (!page) return
  const {messages, quoted} = page
  for (const list of [messages, quoted]) {
    const at = list.findIndex(({id}) => id === message.id)
    if (at >= 0) list[at] = message
  }
  if (message.seq <= (messages.at(-1)?.seq ?? 0)) return
  messages.push(message)
  if (messages.length <= PAGE) return
  messages.shift()
  page.has_more = true
}
