// The quiet strip: shown when there was no connection for two seconds, gone by itself.

import {onClick} from './dom.js'
import {chatSocket, inboxSocket} from './sockets.js'

const PATIENCE_MS = 2_000
let timer = 0

export function startConnection() {
  chatSocket.addEventListener('statechange', show)
  show()
  onClick(document, '[data-retry]', () => {
    chatSocket.retryNow()
    inboxSocket.retryNow()
  })
}

function show() {
  if (chatSocket.state === 'open') {
    clearTimeout(timer)
    timer = 0
    delete document.documentElement.dataset.connection
  } else {
    timer ||= setTimeout(() => { document.documentElement.dataset.connection = 'offline' }, PATIENCE_MS)
  }
}
