import type { HistoryStore } from '../../db/index.ts'

type TendNeeds = {
  store: HistoryStore
  /** Milliseconds of a clock that only goes forward. */
  now: () => number
  isDraining: () => boolean
}

/**
 * Lets history end, for `mostMs` at most and a step: adds ended runs up, prunes jobs, removes rows of deleted jobs, and what
 * is past its life, and adds the time of processes that were killed. True: nothing is left to do for now.
 */
export async function tend({ store, now, isDraining }: TendNeeds, mostMs: number): Promise<boolean> {
  const endsAt = now() + mostMs
  for (const step of [store.fold, store.prune, store.purge, store.expire, store.closeLost])
    while (await step()) if (isDraining() || now() >= endsAt) return false
  await store.tended()
  return true
}
