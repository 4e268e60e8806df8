// Texts in the reader's language, from the catalogue (a classic script before the modules).
// Without it, say while it fails to load, texts are English.

const {texts, plural} = typeof catalogue === 'undefined' ? {texts: {}} : catalogue

export const language = document.documentElement.lang || 'en'

export function gettext(text) {
  return texts[text] ?? text
}

export function ngettext(one, many, count) {
  return texts[one]?.[plural(count)] ?? (count === 1 ? one : many)
}

/** Fills `%(name)s` places: `fill(gettext('New since %(time)s'), {time: '09:12'})`. */
export function fill(text, values) {
  return text.replace(/%\((\w+)\)s/g, (_, name) => String(values[name]))
}

const percentFormat = new Intl.NumberFormat(language, {style: 'percent'})

/** “62%”, in Spanish “62 %”. */
export const percentText = percent => percentFormat.format(percent / 100)

/** “Bob”, “Bob and Inês”, “Bob, Inês and Dina”, as the language does it. */
export function listed(words) {
  return new Intl.ListFormat(language, {type: 'conjunction'}).format(words)
}
