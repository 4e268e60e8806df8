// The log of one job: loaded when it is opened, followed while the job runs.

import {api} from '/static/chatsite/api.js'
import {$, element} from '/static/chatsite/dom.js'
import {fill, ngettext} from '/static/chatsite/i18n.js'
import {tell} from './actions.js'
import {countText} from './words.js'

const LINES_SHOWN = 2000
const PAUSE_MS = 1000
const KEEP_FILE_MS = 60_000
const TIME_AT_START = /^\d\d:\d\d:\d\d\b/
const WARNING = /\b(warn|warning|error)\b/i

export class LogView {
  #id
  #offset = 0
  #lines = 0
  #top = 0
  #rest = ''
  #tail = null
  #busy = false

  /** `details` is the log's element in a card. */
  constructor(details, job) {
    this.#id = job.id
    this.details = details
    this.pre = $('pre', details)
    this.code = $('code', details)
    this.follow = $('input', details)
    this.pre.ariaLabel = job.title
    $('button', details).addEventListener('click', () => this.#save(job.title).catch(error => tell(error, job)))
    details.addEventListener('toggle', () => this.#load())
    this.follow.addEventListener('change', () => this.#toEnd())
    this.pre.addEventListener('scroll', () => this.#look())
    this.#count()
  }

  /** A job that was told again may have logged something. */
  update(job) {
    if (job.log_tail === this.#tail) return
    this.#tail = job.log_tail
    this.#load()
  }

  async #load() {
    if (!this.details.open || this.#busy) return
    this.#busy = true
    const seen = this.#tail
    try {
      while (await this.#loadPiece());
    } catch {
      // Out of reach: the job's next news asks again.
    }
    await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
    this.#busy = false
    if (seen !== this.#tail) this.#load()
  }

  /** Whether there is more. */
  async #loadPiece() {
    const {text, offset, size} = await this.#piece(this.#offset)
    this.#offset = offset
    this.#add(text)
    return text !== '' && offset < size
  }

  #piece(offset) {
    return api('GET', `/api/jobs/${this.#id}/log?offset=${offset}`)
  }

  /** The whole log as a file of the reader's. */
  async #save(title) {
    const parts = []
    let reached = {offset: 0, size: 1}
    while (reached.offset < reached.size) {
      const piece = await this.#piece(reached.offset)
      if (!piece.text) break
      parts.push(piece.text)
      reached = piece
    }
    const url = URL.createObjectURL(new Blob(parts, {type: 'text/plain'}))
    element('a', {href: url, download: `${title}.log`}).click()
    setTimeout(() => URL.revokeObjectURL(url), KEEP_FILE_MS)
  }

  #add(text) {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop()
    this.#lines += lines.length
    this.code.append(...lines.slice(-LINES_SHOWN).map(lineNode))
    while (this.code.childElementCount > LINES_SHOWN) this.code.firstElementChild.remove()
    this.#count()
    this.#toEnd()
  }

  #count() {
    const text = ngettext('%(count)s line', '%(count)s lines', this.#lines)
    $('.facts', this.details).textContent = fill(text, {count: countText(this.#lines)})
  }

  #toEnd() {
    if (this.follow.checked) this.pre.scrollTop = this.pre.scrollHeight
  }

  /** Whoever scrolls up wants to read: it stays there until they are at the end again. */
  #look() {
    const top = this.pre.scrollTop
    if (top < this.#top) this.follow.checked = false
    else if (this.pre.scrollHeight - top - this.pre.clientHeight < 1) this.follow.checked = true
    this.#top = top
  }
}

function lineNode(line) {
  const [time] = TIME_AT_START.exec(line) ?? []
  const parts = time ? [element('time', {textContent: time}), line.slice(time.length)] : [line]
  return element('span', {}, WARNING.test(line) ? element('mark', {}, ...parts) : element('span', {}, ...parts), '\n')
}
