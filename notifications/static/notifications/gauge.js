// The card "This server": asked once a second while somebody looks. That it goes on while
// jobs run shows what it says: other requests are answered meanwhile.

import {$} from '/static/chatsite/dom.js'
import {api} from '/static/chatsite/api.js'
import {fill, gettext, language} from '/static/chatsite/i18n.js'
import {drawSpark} from './spark.js'
import {countText} from './words.js'

const ASK_EVERY_MS = 1000
const CALM_LATENCY_MS = 10 // up to here the line stays low: it is nothing to look at

const latencyFormat = new Intl.NumberFormat(language, {maximumFractionDigits: 1, minimumFractionDigits: 1})

/** Runs for as long as the page stands. */
export async function runGauge(card) {
  for (;;) {
    if (!document.hidden) await ask(card)
    await new Promise(resolve => setTimeout(resolve, ASK_EVERY_MS))
  }
}

async function ask(card) {
  try {
    show(card, await api('GET', '/progress/vitals'))
    $('.live', card).hidden = false
  } catch {
    $('.live', card).hidden = true // what stands there is not of now
  }
}

function show(card, {latency_ms: latency, worst_ms: worst, sockets, deliveries, jobs_today: jobsToday}) {
  if (latency.length) {
    figure(card, 'latency', latencyFormat.format(latency.at(-1)))
    figure(card, 'sockets', countText(sockets.at(-1)))
    plot(card, 'latency', latency, CALM_LATENCY_MS, fill(
      gettext('Event loop latency over the last minute: now %(now)s ms, at most %(worst)s ms'),
      {now: latencyFormat.format(latency.at(-1)), worst: latencyFormat.format(worst)}))
    plot(card, 'sockets', sockets, 1, fill(
      gettext('Open sockets over the last minute: from %(first)s to %(last)s'),
      {first: countText(sockets[0]), last: countText(sockets.at(-1))}))
  }
  figure(card, 'deliveries', countText(deliveries))
  figure(card, 'jobs', countText(jobsToday))
}

function figure(card, name, text) {
  $(`[data-figure="${name}"]`, card).textContent = text
}

function plot(card, name, values, mostAtLeast, label) {
  const most = Math.max(mostAtLeast, ...values)
  drawSpark($(`[data-plot="${name}"]`, card), values.map((value, index) => [index, value]), {most, label})
}
