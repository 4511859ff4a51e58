import { overdueMax, type Store } from '../../db/index.ts'
import { lateMs, type Trigger } from '../decisions/index.ts'
import type { Log } from '../ground/log.ts'
import { inParallel } from '../ground/parallel.ts'
import { sleep, type Delays } from '../ground/delays.ts'

type SweepNeeds = {
  store: Pick<Store, 'overdueJobs'>
  /** Attends to one job, wherever it is due, and arms it again. */
  fireDue: (jobId: string, trigger: Trigger) => Promise<void>
  /** To be done after each sweep that follows a fire. */
  andThen: () => Promise<void>
  /** Told how many there were, if there were any. */
  lost?: ((jobs: number) => void) | undefined
  /** False once this process goes down, or is the timer itself. */
  isWanted: () => boolean
  delays: Delays
  log: Pick<Log, 'info' | 'warn'>
}

export type Sweep = {
  /**
   * Attends to the jobs whose wake-up did not come; how many there were. Callers at one time share the work. `known`: their
   * ids, if the caller has looked already.
   */
  run(known?: string[] | null): Promise<number>
  /**
   * One sweep, and another one if it was requested meanwhile: fires of one second share it. Resolves at once while
   * one is under way. Never rejects.
   */
  soon(): Promise<void>
}

const atOnce = 8
const pauseMs = 1_000

/**
 * Finds the one-shots that the timer service lost: a job whose wake time passed over a minute ago gets no fire of its
 * own any more. So whatever wakes a process, it looks at all jobs, by one indexed statement: at its boot, and after
 * the answer to each fire.
 */
export function createSweep({ store, fireDue, andThen, lost, isWanted, delays, log }: SweepNeeds): Sweep {
  let underWay: Promise<number> | undefined
  let isSweeping = false
  let isAskedAgain = false

  async function sweep(known: string[] | null): Promise<number> {
    const jobIds = known ?? (await store.overdueJobs({ lateMs, limit: overdueMax }))
    let attended = 0
    await inParallel(jobIds, atOnce, async (jobId) => {
      await fireDue(jobId, 'catch_up').then(
        () => void (attended += 1),
        (error: unknown) =>
          log.warn({ err: error, job: jobId }, 'a job whose wake-up was lost could not be handled'),
      )
    })
    if (attended > 0) {
      log.warn({ jobs: attended }, 'the timer service did not call for these jobs; they have been handled')
      lost?.(attended)
    }
    return attended
  }

  function run(known: string[] | null = null): Promise<number> {
    underWay ??= sweep(known).finally(() => {
      underWay = undefined
    })
    return underWay
  }

  async function soon() {
    isAskedAgain = true
    if (isSweeping) return
    isSweeping = true
    try {
      while (isAskedAgain && isWanted()) {
        isAskedAgain = false
        await run()
        await andThen()
        if (isAskedAgain) await sleep(delays, pauseMs)
      }
    } catch (error) {
      log.warn({ err: error }, 'overdue jobs could not be listed; the next fire tries again')
    } finally {
      isSweeping = false
    }
  }

  return { run, soon }
}
