// What the dialogs of a room do. It comes when the first of them is opened.

import {startAdding} from './adding.js'
import {startSettings} from './settings.js'

/** `current()` gives the room as it now is; `isMember(id)` leaves out those who are in already. */
export function startDialogs(current, isMember, signal) {
  startAdding(current(), isMember, signal)
  startSettings(current, signal)
}
