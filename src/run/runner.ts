import type { Actions } from '../actions/index.ts'
import type { Store } from '../../db/index.ts'
import { jitterMs, type Outcome } from '../decisions/index.ts'
import type { DetailedLog } from '../ground/log.ts'
import { sleep, type Delays } from '../ground/delays.ts'
import { type HeldRun, stopCodeOf } from './leases.ts'
import type { Queue } from './queue.ts'

/** `unbegun`: to be given back, because this process shuts down. `lost`: another process holds or has ended it. */
export type Attempted = Outcome | 'unbegun' | 'lost'

export type Runner = {
  /** Waits for the instant and the place of a claimed run, begins it and carries its action out. */
  attempt(run: HeldRun): Promise<Attempted>
  /** Gives the place of the attempt to the next one: once its outcome is written. */
  leave(run: HeldRun): void
}

type RunnerNeeds = {
  store: Pick<Store, 'begin'>
  actions: Actions
  queue: Queue
  owner: string
  delays: Delays
  log: Pick<DetailedLog, 'debug' | 'info' | 'error'>
  /** Called as an attempt begins; the returned function is called when it has ended. */
  onBegin: (run: HeldRun) => () => void
}

/** One attempt of a claimed run, under its lease and in a place of its own. */
export function createRunner(needs: RunnerNeeds): Runner {
  const { store, actions, queue, owner, delays, log } = needs
  const inPlace = new WeakSet<HeldRun>()

  async function attempt(run: HeldRun): Promise<Attempted> {
    if (run.hasBegun) inPlace.add(run)
    else {
      await untilDue(run)
      if (!(await queue.enter(run))) return letGo(run)
      inPlace.add(run)
      if (!(await begin(run))) return 'lost'
    }
    // a process that was frozen since the claim must not begin an effect that belongs to another process by now
    if (delays.now() >= run.leaseEndsAt) return 'lost'
    if (run.abort.signal.aborted) return letGo(run)
    const outcome = await act(run)
    return stopCodeOf(run) === 'LEASE_LOST' ? 'lost' : outcome
  }

  /** Waits for the instant of an early claim. Postgres' clock said how far it is; the process' own only measures. */
  function untilDue(run: HeldRun): Promise<void> {
    const { view } = run.look
    const dueAt = run.write.slot ? run.write.slot.getTime() + jitterMs(view.job) : 0
    const waitMs = dueAt - view.now.getTime() - (delays.now() - run.heardAt)
    return waitMs > 0 ? sleep(delays, waitMs, run.abort.signal) : Promise.resolve()
  }

  async function begin(run: HeldRun): Promise<boolean> {
    const askedAt = delays.now()
    const hasBegun = await store.begin({
      jobId: run.jobId,
      runId: run.runId,
      fence: run.fence,
      leaseMs: run.leaseMs,
      owner,
    })
    if (hasBegun) run.leaseEndsAt = askedAt + run.leaseMs
    return hasBegun
  }

  async function act(run: HeldRun): Promise<Outcome> {
    const { authored, view } = run.look
    const { id, project, name, action, prompt, skills } = authored
    const { slot, attempt: number } = run.write
    const subject = { job: id, run: run.runId, slot, attempt: number }
    const startedAt = delays.now()
    log.debug(subject, 'run begins')
    const ended = needs.onBegin(run)
    try {
      const { timeoutMs } = view.job.policy
      const job = { id, project, name, action, prompt, skills, timeoutMs }
      const outcome = await actions.run(
        job,
        { ...run.write, id: run.runId, isAwaited: run.isAwaited },
        run.abort.signal,
      )
      const ms = Math.round(delays.now() - startedAt)
      log.info({ ...subject, ms, state: outcome.state, error: outcome.error?.code }, 'run ends')
      return outcome
    } catch (error) {
      log.error({ err: error, job: id, run: run.runId }, 'the action failed with an internal error')
      return {
        state: 'failed',
        error: {
          code: 'INTERNAL',
          message: 'the action failed with an internal error; the log has the details',
        },
      }
    } finally {
      ended()
    }
  }

  return {
    attempt,
    leave(run) {
      if (inPlace.delete(run)) queue.leave(run)
    },
  }
}

/** A run that has not begun: what took it from us has settled it already, except when this process goes down. */
function letGo(run: HeldRun): 'unbegun' | 'lost' {
  return stopCodeOf(run) === 'DRAINING' ? 'unbegun' : 'lost'
}
