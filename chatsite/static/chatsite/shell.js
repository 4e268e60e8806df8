// The frame of every page of somebody who is signed in.

import './sockets.js'
