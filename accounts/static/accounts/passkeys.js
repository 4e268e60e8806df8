// Passkeys: the browser's ceremony between the server's options and its form.
//
// A form says what it is for in `data-passkey`: `make` a new one, `show` one as a second
// step (both with options in #passkey-options), or `sign-in` (options fetched on the click,
// since they start a session). The credential goes back as JSON in the form's own field.

import {gettext} from '../chatsite/i18n.js'

const CEREMONIES = {make, show, 'sign-in': signIn}

export function offerPasskeys() {
  if (!globalThis.PublicKeyCredential) return
  for (const form of document.querySelectorAll('[data-passkey]')) {
    form.hidden = false
    form.addEventListener('submit', event => {
      event.preventDefault()
      run(form)
    })
  }
}

async function run(form) {
  const button = form.querySelector('button:not([type="button"])')
  say(form, '')
  button.disabled = true
  try {
    const credential = await CEREMONIES[form.dataset.passkey](form)
    form.elements.credential.value = JSON.stringify(encoded(credential))
    form.submit()
  } catch (error) {
    button.disabled = false
    say(form, words(error))
  }
}

function make(form) {
  const {publicKey} = pageOptions().creation_options
  const alone = form.elements.passwordless?.checked ?? false
  publicKey.authenticatorSelection = {
    ...publicKey.authenticatorSelection,
    residentKey: alone ? 'required' : 'discouraged',
    requireResidentKey: alone,
    ...alone && {userVerification: 'required'},
  }
  return navigator.credentials.create({publicKey: decoded(publicKey)})
}

function show() {
  return navigator.credentials.get({publicKey: decoded(pageOptions().request_options.publicKey)})
}

async function signIn(form) {
  const response = await fetch(form.action, {headers: {Accept: 'application/json'}})
  if (!response.ok) throw new TypeError('no options')
  const {request_options: options} = await response.json()
  return navigator.credentials.get({publicKey: decoded(options.publicKey)})
}

function pageOptions() {
  return JSON.parse(document.getElementById('passkey-options').textContent)
}

/** The server's JSON as the browser wants it: bytes instead of base64url. */
function decoded(options) {
  const found = {...options, challenge: bytes(options.challenge)}
  if (options.user) found.user = {...options.user, id: bytes(options.user.id)}
  for (const name of ['excludeCredentials', 'allowCredentials']) {
    if (options[name]) found[name] = options[name].map(key => ({...key, id: bytes(key.id)}))
  }
  return found
}

/** The browser's credential as JSON for the server: base64url instead of bytes. */
function encoded(credential) {
  const {response} = credential
  const found = {clientDataJSON: text(response.clientDataJSON)}
  for (const name of ['attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
    if (response[name]) found[name] = text(response[name])
  }
  if (response.getTransports) found.transports = response.getTransports()
  return {
    type: credential.type,
    id: credential.id,
    rawId: text(credential.rawId),
    authenticatorAttachment: credential.authenticatorAttachment,
    response: found,
    clientExtensionResults: credential.getClientExtensionResults(),
  }
}

function bytes(base64url) {
  const binary = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, character => character.charCodeAt(0))
}

function text(buffer) {
  const binary = String.fromCharCode(...new Uint8Array(buffer))
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

function say(form, message) {
  const line = form.querySelector('[data-passkey-error]')
  line.hidden = !message
  line.querySelector('span').textContent = message
}

function words(error) {
  if (error.name === 'InvalidStateError') return gettext('This device already has a passkey for your account.')
  if (error.name === 'NotAllowedError') return gettext('The passkey was not used: you cancelled, or it took too long.')
  if (error.name === 'SecurityError') return gettext('Passkeys do not work at this address.')
  return gettext('The passkey could not be used. Try again, or use your password.')
}
