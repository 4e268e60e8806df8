// Markdown marks around the selection; letters counted as the server counts them.

const MARKS = {bold: '**', italic: '*', code: '`'}

/** Wraps the selection in marks, or takes them off; a link gets the cursor where its address goes. */
export function format(textarea, kind) {
  const {value, selectionStart: start, selectionEnd: end} = textarea
  const chosen = value.slice(start, end)
  if (kind === 'link') {
    replace(textarea, start, end, `[${chosen}](https://)`)
    const at = chosen ? start + chosen.length + 11 : start + 1
    textarea.setSelectionRange(at, at)
    return
  }
  const mark = MARKS[kind]
  const isMarked = value.slice(start - mark.length, start) === mark && value.slice(end, end + mark.length) === mark
  if (isMarked) replace(textarea, start - mark.length, end + mark.length, chosen)
  else replace(textarea, start, end, mark + chosen + mark)
  const from = isMarked ? start - mark.length : start + mark.length
  textarea.setSelectionRange(from, from + chosen.length)
}

/** Replaces a stretch so that the browser's undo still works, and tells the field's listeners. */
export function replace(textarea, start, end, text) {
  textarea.focus()
  textarea.setSelectionRange(start, end)
  // The only way that keeps undo; setRangeText is for browsers that gave it up.
  if (document.execCommand(text ? 'insertText' : 'delete', false, text)) return
  textarea.setRangeText(text, start, end, 'end')
  textarea.dispatchEvent(new Event('input', {bubbles: true}))
}

export function characters(text) {
  return [...text].length
}

/** Ctrl+B, I and E. Gives true where the key was one of them. */
export function formatByKey(textarea, event) {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return false
  const kind = {b: 'bold', i: 'italic', e: 'code'}[event.key.toLowerCase()]
  if (!kind) return false
  event.preventDefault()
  format(textarea, kind)
  return true
}
