// What the frame was rendered with: who reads, and the data that live updates start from.

import {pageData} from './dom.js'

/** `{me, epoch, inbox: {head, unread}, rooms, people, jobs}` as chatsite/context.py gives it. */
export const shell = pageData('shell-data')
export const me = shell.me

/** What the page shows just now: `room` is the id of the room, null where it is none. */
export const shown = {room: pageData('page-data')?.room?.id ?? null}
