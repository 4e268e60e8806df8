// Small things kept in this browser. Private windows may refuse: then they last as long as the page.

/** Keeps a value as JSON; null forgets it. */
export function save(key, value) {
  try {
    if (value === null) localStorage.removeItem(key)
    else localStorage.setItem(key, JSON.stringify(value))
  } catch {
    // full or forbidden: nothing to be done about it here
  }
}

/** All values whose key begins so. */
export function load(prefix) {
  try {
    const keys = Object.keys(localStorage).filter(key => key.startsWith(prefix))
    return keys.map(key => JSON.parse(localStorage.getItem(key)))
  } catch {
    return []
  }
}
