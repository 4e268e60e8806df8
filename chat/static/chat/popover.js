// Small menus that stand beside the button that opened them; focus goes back to it.

const GAP_PX = 6
const sheetLike = matchMedia('(pointer: coarse), (width <= 40rem)')

/** Shows a popover beside `anchor`, inside the window. Where a finger works, CSS makes it a sheet from below. */
export function showBeside(popover, anchor) {
  popover.showPopover()
  if (sheetLike.matches) {
    for (const side of ['top', 'left']) popover.style.removeProperty(side)
  } else {
    place(popover, anchor.getBoundingClientRect())
  }
  popover.addEventListener('toggle', ({newState}) => {
    if (newState === 'closed' && (popover.contains(document.activeElement) || document.activeElement === document.body)) anchor.focus()
  }, {once: true})
}

function place(popover, {top, bottom, right}) {
  const {offsetWidth: width, offsetHeight: height} = popover
  const above = top - height - GAP_PX
  const y = above > GAP_PX ? above : Math.min(bottom + GAP_PX, innerHeight - height - GAP_PX)
  const x = Math.max(GAP_PX, Math.min(right - width, innerWidth - width - GAP_PX))
  popover.style.setProperty('top', `${y}px`)
  popover.style.setProperty('left', `${x}px`)
}

/** Arrow keys, Home and End among the items of a menu. */
export function moveInMenu(menu, event) {
  const items = [...menu.querySelectorAll('[role="menuitem"]')].filter(item => !item.closest('[hidden]'))
  const at = items.indexOf(document.activeElement)
  const next = {ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1}[event.key]
  if (next === undefined) return
  event.preventDefault()
  items.at(next % items.length).focus()
}
