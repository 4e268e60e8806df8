// Fills in the browser's time zone where none was chosen.

export function guessTimeZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
  const field = document.querySelector('[data-guess="time-zone"]')
  if (!field || field.value || !zone) return
  if (field.options && ![...field.options].some(option => option.value === zone)) return
  field.value = zone
  field.dispatchEvent(new Event('input', {bubbles: true}))
}
