// Presence dots: every picture that shows one follows the person's state.

import {$$} from './dom.js'
import {chatSocket} from './sockets.js'

const known = new Map()

/** online, away or offline; undefined where nothing was heard since the page came. */
export function presenceOf(user) {
  return known.get(user)
}

export function startPresence() {
  chatSocket.on('presence.changed', ({users, presence}) => {
    for (const user of users) {
      known.set(user, presence)
      for (const avatar of $$(`.avatar[data-person="${user}"][data-presence]`)) avatar.dataset.presence = presence
    }
  })
}
