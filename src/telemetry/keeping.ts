import type { Delays } from '../ground/delays.ts'
import type { Batch, Tally } from './tally.ts'

/** Writes what was counted, within a minute, while a process is up. At its exit it goes with the exit record. */
export type Keeping = {
  /** Writes all that was counted so far. Rejects if Postgres does not take it; then it is written later. */
  flush(): Promise<void>
  stop(): void
}

type KeepingNeeds = {
  tally: Pick<Tally, 'batch' | 'written' | 'onNews'>
  write: (batch: Batch) => Promise<void>
  delays: Delays
  log: { warn(fields: object, message: string): void }
}

const everyMs = 60_000

export function createKeeping({ tally, write, delays, log }: KeepingNeeds): Keeping {
  let cancelWait: (() => void) | null = null
  let isStopped = false

  function soon() {
    if (isStopped || cancelWait) return
    cancelWait = delays.after(everyMs, () => {
      cancelWait = null
      flush().catch((error: unknown) => {
        log.warn({ err: error }, 'what this process has counted could not be written yet')
        soon()
      })
    })
  }

  async function flush() {
    // an older batch whose answer was lost goes first, under its old id
    for (let round = 0; round < 2; round++) {
      const batch = tally.batch()
      if (!batch) return
      await write(batch)
      tally.written(batch.id)
    }
  }

  tally.onNews(soon)

  return {
    flush,
    stop() {
      isStopped = true
      cancelWait?.()
    },
  }
}
