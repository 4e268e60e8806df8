// The page's two sockets, for people who are signed in. Both speak from the first import on.

import {StreamSocket} from './socket.js'

const REFUSALS_BEFORE_ASKING = 3
const UNAUTHENTICATED = 401
const LEAVING_MS = 5_000

let leaving = false // a navigation has begun: signing out here leads elsewhere than losing one's sign-in
addEventListener('beforeunload', () => {
  leaving = true
  setTimeout(() => { leaving = false }, LEAVING_MS)
})

export const chatSocket = watched(new StreamSocket('/ws/chat/'))
export const inboxSocket = watched(new StreamSocket('/ws/notifications/'))

function watched(socket) {
  let refusals = 0
  socket.addEventListener('signedout', signIn)
  socket.addEventListener('statechange', () => {
    if (socket.state === 'open') refusals = 0
  })
  socket.addEventListener('refused', async () => {
    if (++refusals % REFUSALS_BEFORE_ASKING) return
    // A refused handshake doesn't tell a browser why; an ordinary request does.
    const answer = await fetch('/api/me').catch(() => null)
    if (answer?.status === UNAUTHENTICATED) signIn()
  })
  return socket
}

function signIn() {
  if (leaving) setTimeout(signIn, LEAVING_MS)
  else location.assign(`/accounts/login/?next=${encodeURIComponent(location.pathname + location.search)}`)
}
