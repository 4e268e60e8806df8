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

/** The value kept, or null. */
export function load(key) {
  try {
    return JSON.parse(localStorage.getItem(key))
  } catch {
    return null
  }
}
