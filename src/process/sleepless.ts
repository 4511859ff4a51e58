import type { Config } from '../ground/config.ts'
import type { Log } from '../ground/log.ts'

type SleeplessNeeds = {
  config: Pick<Config, 'production' | 'idleExitMs'>
  /** False if the built-in scheduler triggers. */
  isNasUsed: () => boolean
  log: Pick<Log, 'warn'>
}

/**
 * Returns a function that warns, once for each process, that a machine which is meant to sleep never will: it is its own
 * timer. To be called at every start, and when the timer may have changed. In development that is no surprise.
 */
export function createSleepless({ config, isNasUsed, log }: SleeplessNeeds): () => void {
  let isSaid = !config.production || config.idleExitMs === 0
  return () => {
    if (isSaid || isNasUsed()) return
    isSaid = true
    log.warn(
      { code: 'NEVER_SLEEPS', idle_exit_ms: config.idleExitMs },
      'this machine will never sleep: IDLE_EXIT_MS is set, but the built-in scheduler is the timer, and its process ' +
        'has to stay up while any job has a wake time. Set up an outside timer (docs/timers.md), or remove IDLE_EXIT_MS',
    )
  }
}
