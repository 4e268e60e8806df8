// The jobs that this page knows of, kept as the server last told. All events carry the
// whole job. `job.progressed` may come late or not at all: it only moves a job that is open.

import {inboxSocket} from '/static/chatsite/sockets.js'
import {TRANSITIONS} from '/static/chatsite/strip.js'

const OPEN = new Set(['queued', 'running', 'stalled'])
const POINTS_KEPT = 400

export const isOpen = job => OPEN.has(job.status)

/** Fires `change` with detail `{job, cause}`; cause is the event's type, or `loaded`. */
export class JobStore extends EventTarget {
  #jobs = new Map()
  #points = new Map()
  #lag = Infinity

  constructor(socket) {
    super()
    for (const name of [...TRANSITIONS, 'progressed']) socket.on(`job.${name}`, event => this.apply(event))
  }

  get(id) {
    return this.#jobs.get(id)
  }

  /** Open jobs, oldest first. */
  get open() {
    return [...this.#jobs.values()].filter(isOpen).sort((a, b) => a.id - b.id)
  }

  /** Running and stalled ones, oldest first. */
  get running() {
    return this.open.filter(job => job.status !== 'queued')
  }

  get queued() {
    return this.open.filter(job => job.status === 'queued')
  }

  /** Finished ones, the last to finish first. */
  get finished() {
    const finishedAt = job => Date.parse(job.finished_at)
    return [...this.#jobs.values()].filter(job => !isOpen(job)).sort((a, b) => finishedAt(b) - finishedAt(a))
  }

  /** Takes over what a page or an answer carried; `now` is the server's time then (RFC 3339). */
  load(jobs, now = null) {
    if (now) this.#hear(now)
    for (const job of jobs) this.#keep(job, 'loaded')
  }

  /** An event of a job. */
  apply({type, job, at}) {
    const known = this.#jobs.get(job.id)
    if (type !== 'job.progressed') this.#hear(at)
    else if (known && !isOpen(known)) return
    this.#keep(job, type)
  }

  /** The server's clock now, in ms, as well as messages from it tell. */
  get now() {
    return Date.now() - (Number.isFinite(this.#lag) ? this.#lag : 0)
  }

  /** `[[ms, percent], …]` of a job's present attempt, from its start to now. */
  points(id) {
    return this.#points.get(id) ?? []
  }

  #keep(job, cause) {
    this.#jobs.set(job.id, job)
    this.#draw(job)
    this.dispatchEvent(new CustomEvent('change', {detail: {job, cause}}))
  }

  #draw(job) {
    if (job.percent == null || !job.started_at) return
    const start = Date.parse(job.started_at)
    let points = this.#points.get(job.id)
    if (!points || points[0][0] !== start) points = [[start, 0]]
    if (job.status === 'running') points.push([this.now, job.percent])
    if (points.length > POINTS_KEPT) points = points.filter((_, index) => index === 0 || index % 2 === 1)
    this.#points.set(job.id, points)
  }

  /** The least delay seen is the difference between the clocks, plus the fastest way here. */
  #hear(at) {
    this.#lag = Math.min(this.#lag, Date.now() - Date.parse(at))
  }
}

/** This page's. */
export const jobs = new JobStore(inboxSocket)
