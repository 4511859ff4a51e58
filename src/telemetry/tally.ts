import { randomUUID } from 'node:crypto'
import {
  bucketOf,
  type KeptCounter,
  type KeptHistogram,
  keptCounters,
  keptHistograms,
  type KeptRow,
  type LabelsOf,
  sumOf,
} from './kept.ts'

/** Additions to the table `counters` that are written together. The same id twice is counted once. */
export type Batch = { id: string; rows: KeptRow[] }

/**
 * What this process has counted and Postgres does not know yet: plain numbers, so that counting costs less than a
 * microsecond and needs no library. They leave in batches; a process that is killed loses what it has not written.
 */
export type Tally = {
  /** `isNews` (default true) false: its sender causes no statement, so it leaves with what is counted beside it. */
  count<Name extends KeptCounter>(name: Name, labels: LabelsOf<Name>, how?: { isNews: boolean }): void
  observe(name: KeptHistogram, seconds: number): void
  /**
   * What is to be written now; null: nothing. The same batch until `written` is told its id, because one whose answer
   * was lost may have been written.
   */
  batch(): Batch | null
  written(id: string): void
  /** All fires that were answered by this process, but for those that are no news. */
  fires(): number
  /** `listener` is called when something was counted for which a batch is worth a statement: statements alone are not. */
  onNews(listener: () => void): void
}

export function createTally(): Tally {
  let listener = () => {}
  const added = new Map<string, KeptRow>()
  let batch: Batch | null = null
  let fires = 0

  function add(name: string, labels: string, value: number) {
    const key = name + labels
    const row = added.get(key)
    if (row) row.value += value
    else added.set(key, { name, labels, value })
  }

  return {
    count(name, labels, { isNews } = { isNews: true }) {
      const { name: metric, labels: order } = keptCounters[name]
      add(metric, JSON.stringify(labels, order as unknown as string[]), 1)
      if (!isNews) return
      if (name === 'fires') fires += 1
      listener()
    },
    observe(name, seconds) {
      const { name: metric, bounds } = keptHistograms[name]
      add(bucketOf(metric), `{"le":"${bounds.find((bound) => seconds <= bound) ?? '+Inf'}"}`, 1)
      add(sumOf(metric), '{}', Math.max(0, seconds))
      if (name !== 'statement') listener()
    },
    batch() {
      if (batch || added.size === 0) return batch
      batch = { id: randomUUID(), rows: [...added.values()] }
      added.clear()
      return batch
    },
    written(id) {
      if (batch?.id === id) batch = null
    },
    fires: () => fires,
    onNews(given) {
      listener = given
    },
  }
}
