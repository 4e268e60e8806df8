// Changing a message where it stands: the composer in place, Esc leaves.

import {$, clone, element} from '/static/chatsite/dom.js'
import {gettext} from '/static/chatsite/i18n.js'
import {CommandError} from '/static/chatsite/socket.js'
import {chatSocket} from '/static/chatsite/sockets.js'
import {Completion} from './complete.js'
import {surplus, tooLong} from './composer.js'
import {formatByKey} from './format.js'

/** Opens the form in a message's article. `people()` for mentions; `left()` when it is over. */
export function edit(article, message, timeline, {people, left}) {
  if ('editing' in article.dataset) return
  const form = clone('t-edit')
  const field = $('textarea', form)
  const list = element('ul', {className: 'completions', role: 'listbox', ariaLabel: gettext('Suggestions'), hidden: true})
  form.append(list)
  const completion = new Completion(field, list, people)
  const close = () => {
    delete article.dataset.editing
    timeline.redraw(message.id)
    left()
  }
  field.value = message.body
  article.dataset.editing = ''
  timeline.scroll.steady(() => show(article, form))
  field.focus()
  field.setSelectionRange(field.value.length, field.value.length)

  form.addEventListener('submit', event => {
    event.preventDefault()
    save(form, message, timeline, close)
  })
  field.addEventListener('input', () => {
    form.toggleAttribute('data-over', surplus(field.value) > 0)
    $('.counter', form).textContent = tooLong(field.value)
  })
  field.addEventListener('keydown', event => {
    if (event.isComposing || completion.onKey(event) || formatByKey(field, event)) return
    if (event.key === 'Escape') close()
    else if (event.key === 'Enter' && !event.shiftKey) form.requestSubmit()
    else return
    event.preventDefault()
    event.stopPropagation()
  })
  $('[data-act="leave"]', form).addEventListener('click', close)
}

function show(article, form) {
  for (const part of article.querySelectorAll(':scope > :is(.body, .reactions, .tools)')) part.remove()
  article.append(form)
}

async function save(form, message, timeline, close) {
  const body = $('textarea', form).value
  if (!body.trim() || surplus(body) > 0) return
  if (body === message.body) {
    close()
    return
  }
  try {
    const {message: changed} = await chatSocket.request({type: 'message.edit', message: message.id, body})
    timeline.upsert(changed)
    close()
  } catch (error) {
    const counter = $('.counter', form)
    counter.textContent = error instanceof CommandError ? error.message : gettext('No connection: not saved yet')
  }
}
