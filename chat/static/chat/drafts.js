// What was typed and not sent survives a reload, per room.

import {me} from '/static/chatsite/store.js'
import {load, save} from './keeping.js'

export function keepDraft(room, body) {
  save(keyOf(room), body ? {body} : null)
}

export function draftOf(room) {
  return load(keyOf(room))?.body ?? ''
}

const keyOf = room => `draft:${me.id}:${room}`
