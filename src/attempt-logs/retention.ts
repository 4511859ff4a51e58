import type { Log } from '../ground/log.ts'
import type { Delays } from '../ground/delays.ts'

type RetentionNeeds = {
  delays: Delays
  /** Prunes; loaded at its first call. */
  prune: (jobId: string) => Promise<void>
  isDraining: () => boolean
  log: Pick<Log, 'warn'>
}

/** A process that was started for one fire goes down without ever pruning. */
const warmAfterMs = 60_000
const everyMs = 600_000

/**
 * To be told of each settled run. On a process that has been up for a minute, and at most every ten minutes, it prunes;
 * no caller waits for that, and it keeps no process up.
 */
export function createRetention({ delays, prune, isDraining, log }: RetentionNeeds) {
  let notBefore = delays.now() + warmAfterMs
  return {
    settled(jobId: string): void {
      if (delays.now() < notBefore || isDraining()) return
      notBefore = delays.now() + everyMs
      prune(jobId).catch((error: unknown) => {
        log.warn({ err: error, job: jobId }, 'expired logs could not be pruned')
      })
    },
  }
}
