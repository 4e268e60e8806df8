// The pages of who is outside.

import {guessTimeZone} from './timezone.js'
import {offerPasskeys} from './passkeys.js'

offerPasskeys()
guessTimeZone()
