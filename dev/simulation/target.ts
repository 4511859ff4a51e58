import type { ActionJob, ActionOutcome, ActionRun, Actions } from '../../src/actions/index.ts'
import type { Report } from '../../src/run/callback.ts'
import type { CallbackClaims } from '../../src/run/callback-address.ts'
import type { Clock } from './clock.ts'
import { silence } from './outbox.ts'
import type { Process } from './process.ts'
import type { Random } from './random.ts'
import type { Scenario } from './scenario.ts'
import type { Steps } from './steps.ts'
import type { Trace } from './trace.ts'

/** What really happened, as only the target knows it. `succeeded` is set when the target is done, even if no process listens any more. */
export type Effect = {
  jobId: string
  slotMs: number | null
  runId: string
  attempt: number
  fence: number
  atMs: number
  succeeded: boolean | null
}

type SimulatedTargetNeeds = {
  clock: Clock
  random: Random
  scenario: Scenario
  trace: Trace
  isFaulty: () => boolean
  effects: Effect[]
  /** Told of each effect as it begins. */
  began: (effect: Effect) => void
  /** Says how work that was taken ended; `status` null: no answer came. */
  report: (claims: CallbackClaims, report: Report, answered: (status: number | null) => void) => void
}

const usualTimeoutMs = 120_000
const stopStates = { CANCELLED: 'cancelled', LEASE_LOST: 'interrupted', DRAINING: 'interrupted' } as const

/** The target of all jobs, with a log of its own: the oracle that is outside of everything under test. */
export function createSimulatedTarget(needs: SimulatedTargetNeeds) {
  const { clock, random, scenario, trace, isFaulty, effects, began } = needs
  const faults = scenario.target

  function connect(process: Process, steps: Steps): Actions {
    return { run: (job, run, signal) => attempt(process, steps, { job, run, signal }) }
  }

  type Call = { job: ActionJob; run: ActionRun; signal: AbortSignal }

  function attempt(process: Process, steps: Steps, { job, run, signal }: Call): Promise<ActionOutcome> {
    return new Promise((resolve) => {
      if (!steps.take(`effect of ${job.id}`)) return
      if (signal.aborted) return resolve(stopped(signal))
      const effect: Effect = {
        ...{ jobId: job.id, runId: run.id, attempt: run.attempt, fence: run.fence },
        slotMs: run.slot?.getTime() ?? null,
        atMs: clock.now(),
        succeeded: null,
      }
      effects.push(effect)
      trace('target', `effect of ${job.id}`, effect)
      began(effect)
      if (isFaulty() && random.chance(faults.killsProcess))
        process.after(random.between(0, 2_000), process.kill)

      const timeoutMs = job.timeoutMs ?? usualTimeoutMs
      const tookMs = durationMs(job)
      const fails = random.chance(isFaulty() ? faults.fails : faults.fails / 4)
      const finish = settleOnce()
      const timeout = process.after(timeoutMs, () =>
        finish({ state: 'timed_out', error: { code: 'TIMEOUT', message: 'no answer in time' } }),
      )
      signal.addEventListener('abort', () => finish(stopped(signal)), { once: true })
      if (job.action['callbackMs'] !== undefined) return takeWork(Number(job.action['callbackMs']))
      clock.after(tookMs, () => {
        effect.succeeded = !fails
        const isLost = isFaulty() && random.chance(faults.losesAnswer)
        process.after(1, () =>
          finish(isLost ? broken() : fails ? failed() : { state: 'succeeded', output: drawOutput() }),
        )
      })

      /** Answers 202, and reports: before that, in time, too late or never. */
      function takeWork(waitMs: number) {
        const isLost = isFaulty() && random.chance(faults.losesAnswer)
        process.after(random.between(1, 400), () => finish(isLost ? broken() : { state: 'waiting', waitMs }))
        if (random.chance(faults.neverReports)) return
        clock.after(tookMs, () => {
          effect.succeeded = !fails
          const claims = { jobId: job.id, runId: run.id, fence: run.fence, until: clock.now() + waitMs }
          const state = fails ? 'failed' : 'succeeded'
          report(claims, { state, output: fails ? null : drawOutput(), message: fails ? 'it broke' : null })
        })
      }

      function settleOnce() {
        return (outcome: ActionOutcome) => {
          timeout()
          resolve(outcome)
        }
      }
    })
  }

  const drawOutput = () => random.pick(['done', 'done', silence])

  /** Until it is answered; and sometimes again. */
  function report(claims: CallbackClaims, told: Report, tries = 40) {
    needs.report(claims, told, (status) => {
      trace('target', `its report of ${claims.runId} is answered ${status}`)
      const isOver = status !== null && status < 500
      const wants = isOver ? random.chance(faults.reportsTwice) && tries > 0 : tries > 0
      if (wants) clock.after(random.between(100, 60_000), () => report(claims, told, isOver ? 0 : tries - 1))
    })
  }

  function durationMs({ action }: ActionJob): number {
    const typicalMs = Number(action['takesMs'] ?? 200)
    return random.chance(faults.slow)
      ? random.between(typicalMs, typicalMs * 20)
      : random.between(1, typicalMs)
  }

  function failed(): ActionOutcome {
    const error = { code: 'TARGET_FAILED', message: 'answered 500' }
    if (random.chance(0.1)) return { state: 'failed', error, final: true }
    if (random.chance(0.2)) return { state: 'failed', error, retryAfterMs: random.between(1_000, 600_000) }
    return { state: 'failed', error }
  }

  return { connect }
}

function broken(): ActionOutcome {
  return { state: 'failed', error: { code: 'TARGET_UNREACHABLE', message: 'the answer was lost' } }
}

function stopped(signal: AbortSignal): ActionOutcome {
  const { code } = signal.reason as { code: keyof typeof stopStates }
  return { state: stopStates[code], error: { code, message: 'stopped' } }
}
