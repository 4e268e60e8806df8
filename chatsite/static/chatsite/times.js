// Times that the server wrote as moments, told in the reader's zone: `<time datetime data-when="short">`.

import {$$} from './dom.js'
import {fullTime, shortTime} from './time.js'

export function startTimes() {
  for (const time of $$('time[data-when="short"]')) {
    time.textContent = shortTime(time.dateTime)
    time.title = fullTime(time.dateTime)
  }
}
