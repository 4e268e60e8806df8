// Whether this page, and so its sockets, still belong to the person whose page it is.

import {csrfToken} from '/static/chatsite/api.js'
import {me} from '/static/chatsite/store.js'

const ASKING_TIMEOUT_MS = 5_000
const UNAUTHENTICATED = 401
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

/**
 * Whether nobody has signed in since the page was made, here or in another tab. Signing in changes the
 * secret in the cookie; the page has the one that it was made with, hidden as Django does it: as the
 * sum of a random mask, which comes first, and the secret.
 */
export function isSameSignIn() {
  const [, secret] = /csrftoken=(\w+)/.exec(document.cookie) ?? []
  const token = csrfToken()
  const half = token.length / 2
  const letter = index => LETTERS.at((LETTERS.indexOf(token[half + index]) - LETTERS.indexOf(token[index])) % LETTERS.length)
  return Boolean(secret) && Array.from({length: half}, (_, index) => letter(index)).join('') === secret
}

/** Asks the server: true, false (somebody else, or nobody), or undefined where there is no telling. */
export async function isMine() {
  const answer = await fetch('/api/me', {signal: AbortSignal.timeout(ASKING_TIMEOUT_MS)}).catch(() => null)
  if (answer?.status === UNAUTHENTICATED) return false
  const person = answer?.ok ? await answer.json().catch(() => null) : null
  return person ? person.id === me.id : undefined
}
