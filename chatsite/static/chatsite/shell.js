// The frame of every page of somebody who is signed in.

import {startConnection} from './connection.js'
import {startDialogs} from './dialogs.js'
import {startDrawer} from './drawer.js'
import {startKeys} from './keys.js'
import {startNewRoom} from './newroom.js'
import {startPresence} from './presence.js'
import {startSidebar} from './sidebar.js'
import {inboxSocket} from './sockets.js'
import {shell} from './store.js'
import {startStrip} from './strip.js'
import {startSwitcher} from './switcher.js'
import {startTimes} from './times.js'
import {startTitle} from './title.js'

startDialogs()
startDrawer()
startConnection()
startPresence()
startSidebar()
startStrip()
startTitle()
startTimes()
startSwitcher()
startNewRoom()
startKeys()
inboxSocket.follow(`inbox:${shell.me.id}`, {after: shell.inbox.head, epoch: shell.epoch})
