// The rack of toasts in the top corner: at most three, each changing in place.
// What a toast says is also in the inbox or on /progress, so that hiding one loses nothing.

import {gettext, fill} from '/static/chatsite/i18n.js'
import {element, icon} from '/static/chatsite/dom.js'

const SHOWN_AT_MOST = 3
const STAY_MS = 6000

const rack = document.getElementById('toasts')
const toasts = new Map()

class Toast {
  #timer = 0

  constructor(key, onClose) {
    this.key = key
    this.lead = element('span', {className: 'glyph'})
    this.title = element('a')
    this.close = element('button', {className: 'btn icon-only quiet xs close', type: 'button'}, icon('x'))
    this.shownText = element('span', {ariaHidden: 'true'})
    this.readText = element('span', {className: 'sr'})
    this.text = element('p', {}, this.shownText, this.readText)
    this.bar = null
    this.action = null
    this.element = element('div', {className: 'toast'}, this.lead, this.title, this.close, this.text)
    this.close.addEventListener('click', () => {
      hideToast(key)
      onClose?.()
    })
    for (const type of ['pointerenter', 'focusin']) this.element.addEventListener(type, () => clearTimeout(this.#timer))
    for (const type of ['pointerleave', 'focusout']) this.element.addEventListener(type, () => this.#wait())
  }

  /** See `showToast`. */
  say({lead, title, url, text, reads = text, status = '', stays = false, urgent = false, action = null, bar = null}) {
    this.stays = stays
    this.element.dataset.status = status
    this.element.setAttribute('role', urgent ? 'alert' : 'status')
    if (this.lead.dataset.shows !== status || lead.dataset.person) {
      this.lead.replaceWith(lead)
      this.lead = lead
      lead.dataset.shows = status
    }
    this.title.textContent = title
    this.title.href = url
    this.shownText.textContent = text
    this.readText.textContent = reads
    this.close.ariaLabel = fill(gettext('Hide “%(title)s”'), {title})
    this.#offer(action)
    this.#measure(bar, title)
    this.#wait()
  }

  /** Keeps a button that stays the same: whoever is on it with the keyboard shall not lose it. */
  #offer(action) {
    this.run = action?.run
    if (this.action?.label === action?.label && this.action?.href === action?.href) return
    const old = this.element.querySelector('.act')
    const hadFocus = old !== null && old === document.activeElement
    old?.remove()
    if (action) this.text.after(actionElement(action, () => this.run()))
    if (hadFocus) (this.element.querySelector('.act') ?? this.close).focus()
    this.action = action
  }

  #measure(fillBar, title) {
    if (!fillBar) {
      this.bar?.remove()
      this.bar = null
      return
    }
    this.bar ??= this.element.appendChild(element('progress'))
    this.bar.ariaLabel = title
    fillBar(this.bar)
  }

  #wait() {
    clearTimeout(this.#timer)
    if (this.stays || this.element.matches(':hover, :focus-within')) return
    this.#timer = setTimeout(() => hideToast(this.key), STAY_MS)
  }
}

function actionElement({label, glyph, quiet, href}, run) {
  const made = href ? element('a', {href}) : element('button', {type: 'button', onclick: run})
  made.className = quiet ? 'btn sm quiet act' : 'btn sm act'
  if (glyph) made.append(icon(glyph))
  made.append(label)
  return made
}

/**
 * Shows a toast, or changes the one that has the same key.
 *
 * `says`: `{lead, title, url, text}` (lead is an element: glyph or avatar), and perhaps `status` (a job's),
 * `reads` (what is read out instead of the text), `stays` (until closed), `urgent` (read out at once),
 * `bar` (fills a progress element), `action` (`{label, glyph, quiet}` with `href` or `run`).
 * `onClose` runs when the reader hides it.
 */
export function showToast(key, says, onClose) {
  let toast = toasts.get(key)
  if (!toast) {
    makeRoom()
    toast = new Toast(key, onClose)
    toasts.set(key, toast)
    rack.append(toast.element) // before it speaks: a live region has to stand when its words change
  }
  toast.say(says)
}

export const isShown = key => toasts.has(key)

/** Moves the bar of a toast that is shown, and what it shows but does not read out. */
export function moveBar(key, fillBar, text) {
  const toast = toasts.get(key)
  if (!toast?.bar) return
  fillBar(toast.bar)
  toast.shownText.textContent = text
}

export function hideToast(key) {
  toasts.get(key)?.element.remove()
  toasts.delete(key)
}

function makeRoom() {
  if (toasts.size < SHOWN_AT_MOST) return
  const all = [...toasts.values()]
  hideToast((all.find(toast => !toast.stays) ?? all[0]).key)
}
