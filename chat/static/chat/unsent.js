// What is on its way stands in the room's timeline, too, be it from another tab or an earlier page.

import {outbox} from './outbox.js'

export function showUnsent(room, timeline, signal) {
  const on = (type, show) => outbox.addEventListener(type, ({detail}) => detail.room === room && show(detail), {signal})
  on('change', entry => timeline.showPending(entry))
  on('gone', entry => timeline.dropPending(entry.client_id))
  on('sent', message => timeline.upsert(message))
  for (const entry of outbox.entries) if (entry.room === room) timeline.showPending(entry)
}
