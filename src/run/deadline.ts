import type { ActionOutcome, Actions } from '../actions/index.ts'
import { type Delays, within } from '../ground/delays.ts'

type DeadlineNeeds = {
  actions: Actions
  delays: Delays
  /** Milliseconds for one attempt, whatever its job says. */
  maxRunMs: number
  /** How long an attempt may go on after it was told that the process goes down. */
  drainFinishMs: number
  log: { error(fields: object, message: string): void }
}

/** An action that was told to stop gets so long to say how it ended. */
const graceMs = 10_000

/**
 * The same actions, with an end for certain: an attempt is told to stop at `maxRunMs`, and one that goes on although
 * it was told to (at the deadline, by a cancel, by a drain) is given up after a grace. Its place and its hold are
 * free then, so that one hung run keeps no machine up for ever.
 */
export function withDeadline({ actions, delays, maxRunMs, drainFinishMs, log }: DeadlineNeeds): Actions {
  return {
    async run(job, run, signal) {
      const stop = new AbortController()
      const takeBacks = [delays.after(maxRunMs, () => stop.abort(reached(maxRunMs)))]
      const pass = () => {
        const waitMs = codeOf(signal) === 'DRAINING' ? drainFinishMs : 0
        if (waitMs === 0) stop.abort(signal.reason)
        else takeBacks.push(delays.after(waitMs, () => stop.abort(signal.reason)))
      }
      signal.addEventListener('abort', pass, { once: true })
      if (signal.aborted) pass()
      try {
        const work = actions.run(job, run, stop.signal)
        const ended = await Promise.race([work, stopped(stop.signal)])
        if (ended !== null) return ended
        return (await within(delays, graceMs, work, null)) ?? givenUp(stop.signal)
      } finally {
        for (const takeBack of takeBacks) takeBack()
        signal.removeEventListener('abort', pass)
      }
    },
  }

  function givenUp(stop: AbortSignal): ActionOutcome {
    const code = codeOf(stop)
    log.error({ code }, 'an action did not stop when told to; its run is abandoned')
    const state = states[code] ?? 'interrupted'
    return { state, error: { code, message: `the action was told to stop and continued for ${graceMs} ms` } }
  }
}

const codeOf = ({ reason }: AbortSignal) => (reason as { code: string }).code

const states: Record<string, ActionOutcome['state']> = { DEADLINE: 'timed_out', CANCELLED: 'cancelled' }

function reached(maxRunMs: number): Error {
  return Object.assign(new Error(`MAX_RUN_MS (${maxRunMs} ms) has passed`), { code: 'DEADLINE' })
}

function stopped(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(null)
    signal.addEventListener('abort', () => resolve(null), { once: true })
  })
}
