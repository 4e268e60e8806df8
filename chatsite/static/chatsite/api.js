// The HTTP API, with the session and its CSRF token.

import {gettext} from './i18n.js'

const NO_CONTENT = 204

/** A refusal by the contract: `code`, `message`, perhaps `field` and `retryAfter` (seconds). */
export class ApiError extends Error {
  constructor(status, {code = 'internal', message = '', field = null} = {}, retryAfter = null) {
    super(message)
    Object.assign(this, {status, code, field, retryAfter})
  }
}

/**
 * Calls the API and gives its JSON, null where it says nothing. Throws `ApiError` for a refusal and `TypeError`
 * where the server can't be reached or its answer was cut off.
 */
export async function api(method, path, body) {
  const headers = {Accept: 'application/json', 'X-CSRFToken': csrfToken()}
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  const response = await fetch(path, {method, headers, body: body === undefined ? undefined : JSON.stringify(body)})
  const data = await response.json().catch(() => null)
  if (!response.ok) throw new ApiError(response.status, data ?? {}, Number(response.headers.get('Retry-After')) || null)
  if (data === null && response.status !== NO_CONTENT) throw new TypeError('what the server answered is no JSON')
  return data
}

/** What to show where `api` threw: `{message, …}`, a refusal in the server's words; else that it can't be reached. */
export function problemOf(error) {
  return error instanceof ApiError ? error : {message: gettext('The server can’t be reached.')}
}

export function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.content ?? ''
}
