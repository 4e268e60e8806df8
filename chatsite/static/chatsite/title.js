// The page's title and icon carry how much waits in the inbox; so does the inbox's line in the sidebar.

import {api} from './api.js'
import {$, $$} from './dom.js'
import {fill, gettext} from './i18n.js'
import {inboxSocket} from './sockets.js'
import {shell} from './store.js'

const site = $('.place strong').textContent
let pageTitle = document.title
const favicon = $('#favicon')
const plainIcon = favicon.href
let unread = shell.inbox.unread

export function startTitle() {
  inboxSocket.on('notification.created', () => setUnread(unread + 1))
  inboxSocket.on('notification.read', event => setUnread(event.unread))
  inboxSocket.addEventListener('reset', async () => {
    const person = await api('GET', '/api/me').catch(() => null)
    if (person) setUnread(person.notifications)
  })
  setUnread(unread)
}

/** The page shows something of another name. */
export function entitle(name) {
  pageTitle = `${name} · ${site}`
  setUnread(unread)
}

function setUnread(count) {
  unread = count
  document.title = count ? `(${count}) ${pageTitle}` : pageTitle
  favicon.href = count ? favicon.dataset.unread : plainIcon
  const line = $('#side-inbox')
  const badge = $('.count', line)
  line.toggleAttribute('data-unread', count > 0)
  badge.hidden = count === 0
  badge.textContent = count
  badge.ariaLabel = fill(gettext('%(n)s waiting for you'), {n: count})
  for (const opener of $$('.drawer-open')) {
    opener.toggleAttribute('data-dot', count > 0)
    opener.ariaLabel = count ? fill(gettext('Rooms, %(n)s waiting for you'), {n: count}) : gettext('Rooms')
  }
}
