// One running job on /progress: how far, what at, how long, its log, and Cancel.

import {$, clone, element, icon} from '/static/chatsite/dom.js'
import {fill, gettext, percentText} from '/static/chatsite/i18n.js'
import {duration} from '/static/chatsite/time.js'
import {cancel} from './actions.js'
import {jobs} from './jobs.js'
import {LogView} from './logview.js'
import {drawSpark} from './spark.js'
import {GLYPHS, countText, factsText, fillBar, isCancelling, nowText} from './words.js'

export class WorkCard {
  #job = null

  constructor(job) {
    this.element = clone('work-template')
    this.element.id = `job-${job.id}`
    const title = $('h3', this.element)
    title.id = `work-${job.id}`
    title.textContent = job.title
    this.element.setAttribute('aria-labelledby', title.id)
    this.bar = $('progress', this.element)
    this.bar.setAttribute('aria-labelledby', title.id)
    this.log = new LogView($('.log', this.element), job)
    this.update(job)
  }

  update(job) {
    const before = this.#job
    this.#job = job
    this.element.dataset.status = job.status
    if (before?.status !== job.status) $('.glyph', this.element).replaceChildren(icon(GLYPHS[job.status]))
    this.#showFigure()
    fillBar(this.bar, job)
    $('.now b', this.element).textContent = nowText(job)
    if (!before || isCancelling(before) !== isCancelling(job)) this.#offerCancel()
    this.log.update(job)
    this.tick()
  }

  /** What changes with time alone. */
  tick() {
    $('.now .facts', this.element).textContent = factsText(this.#job, jobs.now)
    this.#drawSpark()
  }

  #showFigure() {
    const {percent, done} = this.#job
    const big = $('.big', this.element)
    if (percent == null) {
      big.textContent = done ? countText(done) : ''
      return
    }
    const sign = percentText(percent).replace(/^\d+/, '') // “%”, with its space where the language has one
    big.replaceChildren(percent, element('small', {textContent: sign}))
  }

  #offerCancel() {
    const busy = isCancelling(this.#job)
    const button = element('button', {className: busy ? 'btn sm quiet' : 'btn sm', type: 'button'})
    if (busy) {
      button.ariaBusy = 'true'
      button.append(icon('dots'), gettext('Cancelling'))
    } else {
      button.append(gettext('Cancel'))
      button.addEventListener('click', () => cancel(this.#job))
    }
    const acts = $('.acts', this.element)
    const hadFocus = acts.contains(document.activeElement)
    acts.replaceChildren(button)
    if (hadFocus) button.focus()
  }

  #drawSpark() {
    const svg = $('.spark', this.element)
    const points = jobs.points(this.#job.id)
    svg.toggleAttribute('hidden', points.length === 0)
    if (points.length === 0) return
    const {percent} = this.#job
    const values = {percent: percentText(percent), time: duration((jobs.now - points[0][0]) / 1000)}
    const label = fill(gettext('Progress over time: %(percent)s after %(time)s'), values)
    drawSpark(svg, [...points, [jobs.now, percent]], {most: Math.max(1, percent), label})
  }
}
