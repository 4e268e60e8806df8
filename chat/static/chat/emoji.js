// Common emoji, their names, and the picker.

import {element} from '/static/chatsite/dom.js'
import {gettext} from '/static/chatsite/i18n.js'
import {showBeside} from './popover.js'

/** [emoji, shortcode, name]; the server knows the same shortcodes. */
export const EMOJI = [
  ['👍', 'thumbsup', gettext('Thumbs up')], ['👎', 'thumbsdown', gettext('Thumbs down')],
  ['❤️', 'heart', gettext('Heart')], ['🎉', 'tada', gettext('Party')],
  ['👀', 'eyes', gettext('Eyes')], ['🙏', 'pray', gettext('Folded hands')],
  ['👏', 'clap', gettext('Applause')], ['🙌', 'raised_hands', gettext('Raised hands')],
  ['💪', 'muscle', gettext('Strong')], ['👋', 'wave', gettext('Waving hand')],
  ['🤝', 'handshake', gettext('Handshake')], ['👌', 'ok_hand', gettext('OK hand')],
  ['😀', 'grinning', gettext('Grin')], ['😄', 'smile', gettext('Smile')],
  ['😂', 'joy', gettext('Tears of joy')], ['😉', 'wink', gettext('Wink')],
  ['😊', 'blush', gettext('Blush')], ['😍', 'heart_eyes', gettext('Heart eyes')],
  ['😎', 'sunglasses', gettext('Sunglasses')], ['🤔', 'thinking', gettext('Thinking')],
  ['😅', 'sweat_smile', gettext('Relief')], ['😢', 'cry', gettext('Sad')],
  ['😭', 'sob', gettext('Crying')], ['😮', 'open_mouth', gettext('Surprised')],
  ['😡', 'rage', gettext('Angry')], ['😴', 'sleeping', gettext('Asleep')],
  ['🤯', 'exploding_head', gettext('Mind blown')], ['🤷', 'shrug', gettext('Shrug')],
  ['✅', 'white_check_mark', gettext('Check')], ['❌', 'x', gettext('Cross')],
  ['⚠️', 'warning', gettext('Warning')], ['❓', 'question', gettext('Question')],
  ['💡', 'bulb', gettext('Idea')], ['🔥', 'fire', gettext('Fire')],
  ['🚀', 'rocket', gettext('Rocket')], ['⭐', 'star', gettext('Star')],
  ['✨', 'sparkles', gettext('Sparkles')], ['💯', '100', gettext('Hundred')],
  ['☕', 'coffee', gettext('Coffee')], ['🍕', 'pizza', gettext('Pizza')],
  ['🐛', 'bug', gettext('Bug')], ['🔧', 'wrench', gettext('Wrench')],
  ['📌', 'pushpin', gettext('Pin')], ['📈', 'chart_with_upwards_trend', gettext('Rising')],
  ['⏳', 'hourglass_flowing_sand', gettext('Hourglass')], ['🌊', 'ocean', gettext('Wave')],
  ['🌱', 'seedling', gettext('Seedling')], ['☀️', 'sunny', gettext('Sun')],
]
const COLUMNS = 8

const names = new Map(EMOJI.map(([emoji, , name]) => [emoji, name]))
let picked = null

export function emojiName(emoji) {
  return names.get(emoji) ?? emoji
}

export function startEmojiPicker() {
  const picker = document.getElementById('emoji-picker')
  picker.append(...EMOJI.map(([emoji, , name]) => element('button', {type: 'button', textContent: emoji, ariaLabel: name, title: name})))
  picker.addEventListener('click', ({target}) => {
    if (target.localName !== 'button') return
    picker.hidePopover()
    picked?.(target.textContent)
  })
  picker.addEventListener('keydown', event => move(picker, event))
}

/** Opens the picker beside a button; `use(emoji)` is called with the choice. */
export function pickEmoji(button, use) {
  const picker = document.getElementById('emoji-picker')
  picked = use
  showBeside(picker, button)
  picker.firstElementChild.focus()
}

function move(picker, event) {
  const step = {ArrowRight: 1, ArrowLeft: -1, ArrowDown: COLUMNS, ArrowUp: -COLUMNS}[event.key]
  if (!step) return
  event.preventDefault()
  const at = [...picker.children].indexOf(document.activeElement)
  picker.children[at + step]?.focus()
}
