import { type LogStore, refusedValue } from '../../db/index.ts'
import { createHeadTail } from '../ground/head-tail.ts'
import type { Log } from '../ground/log.ts'
import type { Delays } from '../ground/delays.ts'

/**
 * Where an attempt writes. `end` resolves when all of it is stored, or never will be; it does not reject. With `withOutcome`
 * a short log of which nothing was stored yet is returned instead: the caller stores it with the outcome.
 */
export type Sink = {
  write(chunk: string | Uint8Array): void
  end(how: { withOutcome: boolean }): Promise<Buffer | null>
}

/** Which attempt it is: only while the run shows this fence is anything written. */
export type SinkOwner = { runId: string; attempt: number; fence: number }

type SinkNeeds = { store: Pick<LogStore, 'write'>; delays: Delays; log: Pick<Log, 'warn'> }

/** So much is kept of either end. */
const mostBytes = 64 * 1024
const flushEveryMs = 1_000
/** A longer log has a statement of its own: the one of the outcome carries those of many runs. */
const withOutcomeMost = 8 * 1024

/**
 * Collects the log of one attempt, and stores it: a second after the first of it came, at most once a second from there,
 * and at the end. A short attempt costs no statement of its own.
 */
export function openSink({ store, delays, log }: SinkNeeds, owner: SinkOwner): Sink {
  const kept = createHeadTail(mostBytes)
  let storedTotal = 0
  /** Another process holds the run by now, or its log cannot be stored. */
  let isStale = false
  let isEnded = false
  let storing: Promise<void> = Promise.resolve()
  let takeBack: (() => void) | null = null

  function later() {
    if (isEnded || isStale || takeBack || kept.total() === storedTotal) return
    takeBack = delays.after(flushEveryMs, () => {
      storing = flush().finally(() => {
        takeBack = null
        later()
      })
    })
  }

  async function flush() {
    const total = kept.total()
    // a head that is stored as a whole does not travel again
    const head = storedTotal >= mostBytes ? null : kept.head()
    try {
      isStale = !(await store.write({ ...owner, head, tail: kept.tail(), total }))
      storedTotal = total
    } catch (error) {
      // what Postgres refuses once, it refuses every second
      if (refusedValue(error) !== null) isStale = true
      log.warn({ err: error, run: owner.runId }, 'the log of an attempt could not be stored')
    }
  }

  return {
    write(chunk) {
      if (isEnded || isStale) return
      kept.write(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
      later()
    },
    async end({ withOutcome }) {
      isEnded = true
      takeBack?.()
      await storing
      if (isStale || kept.total() === storedTotal) return null
      if (withOutcome && storedTotal === 0 && kept.total() <= withOutcomeMost) return kept.head()
      await flush()
      return null
    },
  }
}
