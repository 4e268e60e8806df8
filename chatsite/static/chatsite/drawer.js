// The sidebar as a drawer on narrow screens: focus stays in it, Esc and a tap outside close it.

import {$, $$, onClick} from './dom.js'

const EDGE_PX = 24
const SWIPE_PX = 60
const narrow = matchMedia('(width <= 52rem)')
let opener = null

export function startDrawer() {
  onClick(document, '.drawer-open', button => open(button))
  onClick(document, '.scrim', close)
  document.addEventListener('keydown', event => {
    if (event.key === 'Escape' && opener && !$('dialog[open]')) close()
  })
  narrow.addEventListener('change', close)
  watchSwipes()
}

function open(button) {
  opener = button
  document.body.dataset.drawer = ''
  button.ariaExpanded = 'true'
  for (const outside of $$('.sheet, .toasts')) outside.inert = true
  $('#side .jump').focus()
}

/** Does nothing where it is closed. */
export function close() {
  if (!opener) return
  delete document.body.dataset.drawer
  opener.ariaExpanded = 'false'
  for (const outside of $$('.sheet, .toasts')) outside.inert = false
  opener.focus()
  opener = null
}

function watchSwipes() {
  let start = null
  document.addEventListener('touchstart', ({touches: [touch]}) => {
    start = {x: touch.clientX, y: touch.clientY}
  }, {passive: true})
  document.addEventListener('touchend', ({changedTouches: [touch]}) => {
    if (!start || !narrow.matches) return
    const rtl = document.documentElement.dir === 'rtl'
    const inwards = (touch.clientX - start.x) * (rtl ? -1 : 1)
    const fromEdge = rtl ? innerWidth - start.x : start.x
    if (Math.abs(touch.clientY - start.y) > SWIPE_PX) return
    if (inwards > SWIPE_PX && fromEdge < EDGE_PX && !opener) open($('.drawer-open'))
    if (inwards < -SWIPE_PX && opener) close()
  }, {passive: true})
}
