// "Start a process": checks what was typed in plain words, starts the job.

import {api} from '/static/chatsite/api.js'
import {$, $$, element, icon} from '/static/chatsite/dom.js'
import {fill, gettext, percentText} from '/static/chatsite/i18n.js'
import {problemText} from './actions.js'
import {jobs} from './jobs.js'
import {countText} from './words.js'

const MAX_STEPS = 10_000
const MAX_SECONDS = 3600
const FIELD_OF = {
  title: 'title', kind: 'kind', 'params.steps': 'steps', 'params.seconds': 'pace', 'params.fail_chance': 'chance',
}

export function runStartForm(form) {
  const {chance} = form.elements
  const showChance = () => { $('output', form).textContent = percentText(chance.value) }
  chance.addEventListener('input', showChance)
  showChance()
  form.addEventListener('submit', event => {
    event.preventDefault()
    start(form)
  })
}

async function start(form) {
  clearProblems(form)
  const job = read(form)
  if (!job) return
  const button = $('.primary', form)
  button.ariaBusy = 'true'
  try {
    const started = await api('POST', '/api/jobs', job)
    if (!jobs.get(started.id)) jobs.load([started]) // else the socket was faster and knows more
  } catch (error) {
    showProblem(form, FIELD_OF[error.field], problemText(error))
  }
  button.ariaBusy = null
}

/** The job that the form describes; null, and its problems shown, where it describes none. */
function read(form) {
  const {kind, title, steps, pace, chance} = form.elements
  const count = Number(steps.value.trim() || NaN)
  const seconds = count * Number(pace.value.trim().replace(',', '.') || NaN)
  if (!title.value.trim()) showProblem(form, 'title', gettext('Give it a title.'))
  if (!(Number.isInteger(count) && count >= 1 && count <= MAX_STEPS)) {
    showProblem(form, 'steps', fill(gettext('A whole number from 1 to %(most)s.'), {most: countText(MAX_STEPS)}))
  } else if (!(seconds >= 0)) {
    showProblem(form, 'pace', gettext('A number of seconds, such as 0.5.'))
  } else if (seconds > MAX_SECONDS) {
    showProblem(form, 'pace', gettext('All steps together take an hour at most.'))
  }
  if ($('[aria-invalid]', form)) return null
  return {kind: kind.value, title: title.value.trim(), params: {steps: count, seconds, fail_chance: chance.value / 100}}
}

/** Under its field, which gets the focus; at the form's end where it is about none. */
function showProblem(form, name, text) {
  const field = form.elements[name]
  if (!field) {
    $('#start-error', form).hidden = false
    $('#start-error span', form).textContent = text
    return
  }
  const id = `${field.id}-problem`
  field.after(element('p', {className: 'error', id}, icon('alert'), element('span', {textContent: text})))
  field.ariaInvalid = 'true'
  field.setAttribute('aria-describedby', id)
  $('[aria-invalid]', form).focus()
}

function clearProblems(form) {
  $('#start-error', form).hidden = true
  for (const field of $$('[aria-invalid]', form)) {
    document.getElementById(`${field.id}-problem`).remove()
    field.ariaInvalid = null
    field.removeAttribute('aria-describedby')
  }
}
