// Where a client stands in a stream, what it tries again, and when: pure rules of the contract.

export const BACKOFF_MIN_MS = 200
export const BACKOFF_MAX_MS = 30_000
const PASSING = new Set(['internal', 'rate_limited'])

/**
 * What to do with an event at `position`: 'apply', 'drop' (seen already) or 'hole'
 * (something is missing before it). `after` is left out where it is `seq - 1`.
 */
export function verdict({seq, after = seq - 1}, position) {
  if (seq <= position) return 'drop'
  return after <= position ? 'apply' : 'hole'
}

/** Milliseconds before try number `attempt` (0, 1, 2 …): full jitter under a doubling ceiling. */
export function backoff(attempt, random = Math.random) {
  const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(attempt + 1, 20))
  return BACKOFF_MIN_MS + random() * (ceiling - BACKOFF_MIN_MS)
}

/** Whether a command that got this error may get another answer later. */
export function isPassing(code) {
  return PASSING.has(code)
}

/** Milliseconds before a command is sent again that was answered so, or not at all (null), `tries` times before. */
export function waitAfter(error, tries) {
  if (error?.retryAfter) return Math.min(error.retryAfter * 1000, BACKOFF_MAX_MS)
  return backoff(tries)
}
