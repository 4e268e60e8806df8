// The room page: the room that the server sent, and then any that the reader goes to.

import {pageData} from '/static/chatsite/dom.js'
import {startEmojiPicker} from './emoji.js'
import {startSwitching} from './switching.js'

startEmojiPicker()
startSwitching(pageData('page-data'))
