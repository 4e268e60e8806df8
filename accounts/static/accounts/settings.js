// The settings pages: each part does nothing where its page is not shown.

import {$, $$} from '../chatsite/dom.js'
import {gettext} from '../chatsite/i18n.js'
import {offerPasskeys} from './passkeys.js'
import {guessTimeZone} from './timezone.js'

const COPIED_MS = 2000

offerPasskeys()
$$('[data-copy]').forEach(button => button.addEventListener('click', () => copy(button)))
$('[data-theme-form]')?.addEventListener('change', event => chooseTheme(event.currentTarget))
$('.subnav [aria-current]')?.scrollIntoView({block: 'nearest', inline: 'nearest'})
const profile = $('[data-unsaved]')
if (profile) watch(profile)
guessTimeZone()

async function copy(button) {
  const field = document.getElementById(button.dataset.copy)
  field.select()
  const label = $('span', button)
  const words = label.textContent
  try {
    await navigator.clipboard.writeText(field.value)
    label.textContent = gettext('Copied')
  } catch {
    label.textContent = gettext('Press Ctrl+C')
  }
  setTimeout(() => { label.textContent = words }, COPIED_MS)
}

/** Acts at once, then keeps it; says so where it could not be kept. */
async function chooseTheme(form) {
  const theme = new FormData(form).get('theme')
  const root = document.documentElement
  if (theme === 'system') delete root.dataset.theme
  else root.dataset.theme = theme
  $('meta[name="color-scheme"]').content = theme === 'system' ? 'light dark' : theme
  const note = $('[data-theme-note]')
  const sent = await fetch(form.action, {method: 'POST', body: new FormData(form)}).catch(() => null)
  note.textContent = sent?.ok ? gettext('Saved') : gettext('Not saved: the site could not be reached.')
}

/** Says that something is not saved yet, shows the chosen file's name and picture, and undoes both. */
function watch(form) {
  const note = $('[data-unsaved-note]', form)
  const fileName = $('[data-file-name]', form)
  const hint = fileName.textContent
  const portrait = $('.portrait .avatar', form)
  const before = [...portrait.childNodes]
  form.addEventListener('input', () => { note.textContent = gettext('Not saved yet') })
  form.addEventListener('reset', () => {
    note.textContent = ''
    fileName.textContent = hint
    portrait.replaceChildren(...before)
  })
  $('input[type="file"]', form).addEventListener('change', event => {
    const [file] = event.currentTarget.files
    fileName.textContent = file?.name ?? hint
    portrait.replaceChildren(...file ? [preview(file)] : before)
  })
}

function preview(file) {
  const image = document.createElement('img')
  image.alt = ''
  image.src = URL.createObjectURL(file)
  return image
}
