// How well a name fits what somebody typed: pure rules.

const NOTHING_TYPED = 3

/** Without accents and capitals, letter by letter, so that positions stay: “Inês” → “ines”. */
export function plain(text) {
  return [...text].map(letter => letter.normalize('NFD')[0].toLowerCase()).join('')
}

/** 0 at the start, 1 at a word's start, 2 inside, null for no match. */
export function rank(wanted, name) {
  if (!wanted) return NOTHING_TYPED
  const at = plain(name).indexOf(plain(wanted))
  if (at < 0) return null
  if (at === 0) return 0
  return /[\s\-_.,]/.test(plain(name)[at - 1]) ? 1 : 2
}

/** The matched stretch as [start, end], or null. */
export function matchRange(wanted, name) {
  const at = wanted ? plain(name).indexOf(plain(wanted)) : -1
  return at < 0 ? null : [at, at + plain(wanted).length]
}
