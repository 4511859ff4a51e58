import { type ActionJob, type ActionOutcome, type ActionRun, finalFailure } from './outcome.ts'

export type { ActionJob, ActionOutcome, ActionRun } from './outcome.ts'
export { isReservedHeader } from './headers.ts'

export type Actions = {
  /**
   * Makes one attempt and says how it ended. Whatever a target does is a value; what this throws is our own bug.
   *
   * Ends early when `signal` aborts; its reason has to be an Error whose `code` is CANCELLED (state cancelled),
   * LEASE_LOST or DRAINING (interrupted) or DEADLINE (timed_out). The code becomes the error's code.
   */
  run(job: ActionJob, run: ActionRun, signal: AbortSignal): Promise<ActionOutcome>
}

type Parts = {
  userAgent: string
  /** How calls are made; default: the built-in fetch, with a connection of its own for each call. */
  fetch?: typeof globalThis.fetch
}

/** The actions a job can have. Each is loaded at its first use, so that a boot pays for none. */
export function createActions(parts: Parts): Actions {
  return {
    async run(job, run, signal) {
      switch (job.action.type) {
        case 'http': {
          const { runHttp } = await import('./http.ts')
          return runHttp(parts, job, run, signal)
        }
        case 'prompt': {
          const { runPrompt } = await import('./prompt.ts')
          return runPrompt(job)
        }
        default: {
          const given = `an action of type ${JSON.stringify(job.action.type)} was given`
          return finalFailure('ACTION_NOT_AVAILABLE', `${given}; expected "http" or "prompt"`)
        }
      }
    },
  }
}
