// How one message looks. A message and its surroundings in, an article's content out.

import {avatar, clone, element, icon} from '/static/chatsite/dom.js'
import {fill, gettext} from '/static/chatsite/i18n.js'
import {setServerHtml} from '/static/chatsite/html.js'
import {clock, fullTime} from '/static/chatsite/time.js'
import {me} from '/static/chatsite/store.js'
import {namesMe} from '/static/chatsite/sidebar.js'
import {emojiName} from './emoji.js'
import {namesOf} from './people.js'
import {systemText} from './system.js'

const EXCERPT_CHARACTERS = 140

/**
 * Fills an article. `follows`: the same author goes on; `quoted`: the message that this one
 * answers, where it is known; `writes`: whether the reader may write here.
 */
export function draw(article, message, {follows = false, quoted = null, writes = true} = {}) {
  const focused = focusedKey(article)
  const gone = Boolean(message.deleted_at)
  article.className = classOf(message, follows, gone)
  article.ariaLabel = labelOf(message)
  if (message.id) article.id = `message-${message.id}`
  if (message.state) article.dataset.state = message.state
  else delete article.dataset.state
  article.replaceChildren(...(message.kind === 'system' ? system(message) : parts(message, follows, gone, quoted, writes)))
  if (focused) article.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus()
}

/** What screen readers are told when it arrives: “Bob Ferreira: text”. */
export function spoken(message) {
  if (message.kind === 'system') return `${message.author.name} ${systemText(message)}`
  return `${message.author.name}: ${message.body}`
}

export function excerpt(message) {
  if (message.deleted_at) return gettext('Message deleted')
  const text = message.body.replace(/\s+/g, ' ')
  return [...text].length > EXCERPT_CHARACTERS ? `${[...text].slice(0, EXCERPT_CHARACTERS).join('')}…` : text
}

function focusedKey(article) {
  return article.contains(document.activeElement) ? document.activeElement.dataset.key : undefined
}

function classOf(message, follows, gone) {
  const mine = message.author.id === me.id
  return ['msg', follows && 'follow', gone && 'gone', mine && 'own', message.kind === 'system' && 'event',
    !mine && !gone && namesMe(message.html) && 'mention'].filter(Boolean).join(' ')
}

function labelOf(message) {
  if (!message.created_at) return message.author.name
  return fill(gettext('%(name)s, %(time)s'), {name: message.author.name, time: clock(message.created_at)})
}

function* parts(message, follows, gone, quoted, writes) {
  if (!follows) {
    yield avatar(message.author)
    yield header(message)
  } else {
    yield timeOf(message)
  }
  if (gone) {
    yield clone('t-gone')
    return
  }
  if (message.reply_to) yield quote(message.reply_to, quoted)
  yield body(message)
  if (message.state) yield* unsent(message)
  if (message.reactions.length) yield reactions(message, writes)
  if (message.id && writes) yield clone('t-tools')
}

function header(message) {
  return element('header', {}, element('b', {textContent: message.author.name}), timeOf(message))
}

/** The time; a clock stands in its place until it is known, so that confirming moves nothing. */
function timeOf({created_at: at, state}) {
  if (state === 'pending') return clone('t-sending')
  return element('time', {dateTime: at, textContent: clock(at), title: fullTime(at)})
}

function quote(id, quoted) {
  const link = element('a', {className: 'quote', href: `#message-${id}`})
  link.dataset.jump = id
  if (quoted) link.append(element('b', {textContent: quoted.author.name}), element('span', {textContent: excerpt(quoted)}))
  else link.append(element('span', {textContent: gettext('An earlier message')}))
  return link
}

function body(message) {
  const made = element('div', {className: 'body'})
  if (message.html) setServerHtml(made, message.html)
  else made.append(...message.body.split('\n\n').map(text => element('p', {className: 'raw', textContent: text})))
  for (const name of made.querySelectorAll(`.at[data-user="${me.id}"]`)) name.classList.add('me-at')
  for (const link of made.querySelectorAll('a[href]')) {
    if (link.origin !== location.origin) Object.assign(link, {target: '_blank', rel: 'noopener noreferrer'})
  }
  if (message.edited_at) {
    const last = made.lastElementChild?.localName === 'p' ? made.lastElementChild : made
    last.append(' ', element('span', {className: 'edited', textContent: gettext('(edited)'), title: fullTime(message.edited_at)}))
  }
  return made
}

/** Nothing but a tool while it is on its way; words where it is refused, held up, or could be lost. */
function* unsent({state, why, trouble, unkept}) {
  if (state === 'failed') yield fate(why)
  else if (trouble) yield clone('t-trouble')
  else yield clone('t-pending-tools')
  if (unkept) yield clone('t-unkept')
}

function fate(why) {
  const made = clone('t-failed')
  if (why) made.querySelector('span').textContent = fill(gettext('Not sent: %(why)s'), {why})
  return made
}

function reactions(message, writes) {
  const list = element('ul', {className: 'reactions', ariaLabel: gettext('Reactions')})
  for (const {emoji, users} of message.reactions) list.append(element('li', {}, reaction(emoji, users, writes)))
  if (writes) {
    const add = element('button', {type: 'button', className: 'react add', ariaLabel: gettext('Add a reaction')}, icon('smile'))
    Object.assign(add.dataset, {act: 'react', key: 'react-add'})
    list.append(element('li', {}, add))
  }
  return list
}

function reaction(emoji, users, writes) {
  const button = element('button', {type: 'button', className: 'react', disabled: !writes}, emoji, element('span', {textContent: users.length}))
  button.ariaPressed = String(users.includes(me.id))
  button.ariaLabel = `${emojiName(emoji)}: ${namesOf(users)}`
  button.title = button.ariaLabel
  Object.assign(button.dataset, {act: 'toggle', emoji, key: `react-${emoji}`})
  return button
}

function system(message) {
  return [element('p', {className: 'happened'},
    element('b', {textContent: message.author.name}), ` ${systemText(message)} `, timeOf(message))]
}
