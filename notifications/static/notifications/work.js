// What every page shows of jobs and of the inbox: toasts, and the store behind them.

import {shell} from '/static/chatsite/store.js'
import {jobs} from './jobs.js'
import {runToasts} from './toasts.js'

jobs.load(shell.jobs)
runToasts()
