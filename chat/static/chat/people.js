// Names of the people that this page has met: members, authors.

import {me} from '/static/chatsite/store.js'
import {gettext, listed} from '/static/chatsite/i18n.js'

const names = new Map()

export function meet(person) {
  if (person?.id) names.set(person.id, person.name)
}

/** “you, Bob and Charlie”, the reader first. Those never met are counted as “someone”. */
export function namesOf(ids) {
  const sorted = [...ids].sort((a, b) => (b === me.id) - (a === me.id))
  return listed(sorted.map(id => (id === me.id ? gettext('you') : names.get(id) ?? gettext('someone'))))
}
