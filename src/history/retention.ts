import { type Delays, within } from '../ground/delays.ts'
import type { Log } from '../ground/log.ts'

type RetentionNeeds = {
  delays: Delays
  /** Looks after history for so many milliseconds at most. Loaded at its first call. */
  tend: (mostMs: number) => Promise<unknown>
  isDraining: () => boolean
  log: Pick<Log, 'warn'>
}

/** A process that was started for one fire goes down without, unless it is due at its exit. */
const warmAfterMs = 60_000
/** So that few ended runs are not in the days yet, and each pass is short. */
const everyMs = 60_000
const passMs = 10_000
/** At an exit, while no port is open: a fire that comes meanwhile is sent again. */
const atExitMs = 1_000
/** However slow the database is. */
const atExitMostMs = 5_000

/** When history is looked after: never before the answer to a fire, and no caller waits for it. */
export function createRetention({ delays, tend, isDraining, log }: RetentionNeeds) {
  let notBefore = delays.now() + warmAfterMs

  async function pass(mostMs: number): Promise<void> {
    try {
      await tend(mostMs)
    } catch (error) {
      log.warn({ err: error }, 'old history could not be removed')
    }
  }

  return {
    /** To be told of each settled run: a warm process looks after history then, every minute. It keeps no process up. */
    settled(): void {
      if (delays.now() < notBefore || isDraining()) return
      notBefore = Number.POSITIVE_INFINITY
      void pass(passMs).then(() => {
        notBefore = delays.now() + everyMs
      })
    },

    /** On the way out of a process, if no process has looked after history for ten minutes. Never rejects. */
    async atExit(): Promise<void> {
      await within(delays, atExitMostMs, pass(atExitMs), undefined)
    },
  }
}
