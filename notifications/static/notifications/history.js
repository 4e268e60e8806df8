// The table of finished jobs.

import {$, clone, element, icon} from '/static/chatsite/dom.js'
import {api} from '/static/chatsite/api.js'
import {gettext} from '/static/chatsite/i18n.js'
import {duration} from '/static/chatsite/time.js'
import {problemText, retry} from './actions.js'
import {showDurations} from './durations.js'
import {jobs} from './jobs.js'
import {GLYPHS, canRunAgain, outcomeText, tookSeconds, whenText} from './words.js'

const ROWS_AT_FIRST = 10
const ROWS_MORE = 20
const BAR_OF = {succeeded: 'ran', failed: 'bad', cancelled: 'off'}

export class HistoryTable {
  #shown = ROWS_AT_FIRST
  #hasMore

  /** `hasMore`: whether the server keeps older ones than the store has. */
  constructor(section, hasMore) {
    this.section = section
    this.#hasMore = hasMore
    this.older = $('#older', section)
    this.older.addEventListener('click', () => this.#showOlder())
  }

  show() {
    const finished = jobs.finished
    const longest = Math.max(...finished.map(tookSeconds))
    this.section.hidden = finished.length === 0
    const body = $('tbody', this.section)
    const focused = body.contains(document.activeElement) && document.activeElement.closest('tr').id
    body.replaceChildren(...finished.slice(0, this.#shown).map(job => row(job, longest)))
    if (focused) ($(`#${focused} :is(a, button)`, body) ?? $('#history-title')).focus()
    this.older.hidden = finished.length <= this.#shown && !this.#hasMore
    showDurations($('#durations', this.section), finished)
  }

  /** Shows as many rows as it takes to see a job, where it is loaded. */
  reveal(id) {
    const index = jobs.finished.findIndex(job => job.id === id)
    if (index < this.#shown) return
    this.#shown = index + 1
    this.show()
  }

  async #showOlder() {
    this.#shown += ROWS_MORE
    if (this.#hasMore && jobs.finished.length < this.#shown) await this.#fetchOlder()
    this.show()
  }

  async #fetchOlder() {
    this.older.ariaBusy = 'true'
    try {
      const before = encodeURIComponent(jobs.finished.at(-1).finished_at)
      const page = await api('GET', `/progress/history?before=${before}`)
      this.#hasMore = page.has_more
      jobs.load(page.jobs.filter(job => !jobs.get(job.id)))
    } catch (error) {
      this.older.textContent = problemText(error)
    }
    this.older.ariaBusy = null
  }
}

function row(job, longest) {
  const made = clone('finished-template')
  const [title, started, took, acts] = made.children
  made.id = `job-${job.id}`
  made.dataset.status = job.status
  $('.glyph', title).append(icon(GLYPHS[job.status]), element('span', {className: 'sr', textContent: statusWord(job)}))
  title.lastElementChild.append(job.title, element('small', {textContent: note(job)}))
  started.textContent = whenText(job.started_at ?? job.created_at)
  if (job.started_at) took.prepend(duration(tookSeconds(job)))
  else took.replaceChildren()
  const bar = took.querySelector('rect:last-child')
  bar?.setAttribute('class', BAR_OF[job.status])
  bar?.setAttribute('width', longest ? Math.max(1, 100 * tookSeconds(job) / longest) : 100)
  acts.append(...action(job))
  return made
}

/** A word for who can't see the glyph; a failure and a cancellation say it in their note. */
function statusWord({status}) {
  return status === 'succeeded' ? gettext('Finished') : ''
}

function note(job) {
  return job.status === 'succeeded' ? job.step : outcomeText(job)
}

function action(job) {
  if (job.result_url) return [element('a', {className: 'btn sm quiet', href: job.result_url}, gettext('Open'))]
  if (!canRunAgain(job)) return []
  const [className, words] = job.status === 'failed'
    ? ['btn sm', gettext('Retry')]
    : ['btn sm quiet', gettext('Run again')]
  return [element('button', {className, type: 'button', onclick: () => retry(job)}, icon('retry'), words)]
}
