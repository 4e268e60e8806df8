// What happened in the room, in the reader's language.

import {fill, gettext} from '/static/chatsite/i18n.js'
import {setServerHtml} from '/static/chatsite/html.js'

const SENTENCES = {
  joined: () => gettext('joined'),
  left: () => gettext('left'),
  added: name => fill(gettext('added %(name)s'), {name}),
  removed: name => fill(gettext('removed %(name)s'), {name}),
  renamed: name => fill(gettext('renamed the room to “%(name)s”'), {name}),
  topic: topic => (topic ? fill(gettext('changed the topic to “%(topic)s”'), {topic}) : gettext('removed the topic')),
  archived: () => gettext('archived the room'),
  reopened: () => gettext('opened the room again'),
}

/** The sentence after the person's name; the server's own words where the event is unknown. */
export function systemText(message) {
  const inert = document.createElement('template')
  setServerHtml(inert, message.html)
  const {event, arg = ''} = inert.content.firstElementChild?.dataset ?? {}
  return SENTENCES[event]?.(arg) ?? message.body
}
