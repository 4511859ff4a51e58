import type { FoldedSlots, Page, SlotDay, SlotRun, Store } from '../../db/index.ts'
import { type RunState, slotOfPause, type View } from '../decisions/index.ts'
import { notFound } from '../ground/not-found.ts'
import { slotsIn } from '../schedule/index.ts'

/** The verdict of a nominal slot. `due`: its instant has come and no process has taken it yet. */
export type Verdict = 'ran' | 'running' | 'skipped' | 'missed' | 'superseded' | 'cancelled' | 'due'
export type LedgerEntry = { slot: Date; verdict: Verdict; reason: string | null; runId: string | null }

/** Of the slots in [from, to); `limit` of them at most. */
export type LedgerWish = { from: Date; to: Date; limit: number }

/** `days`: what all slots of those UTC days add up to from which single slots have been removed. */
export type LedgerPage = Page<LedgerEntry> & { days: SlotDay[] }

/**
 * Every nominal slot of a job up to now, with exactly one verdict, oldest first. `next` of the page: milliseconds of its
 * last slot. Of a day so old that runs of it are removed, the remaining slots are there, and its sums in `days`.
 *
 * @throws AppError JOB_NOT_FOUND
 */
export function createLedger({ store }: { store: Store }) {
  return async (jobId: string, { from, to, limit }: LedgerWish): Promise<LedgerPage> => {
    const look = await store.look(jobId)
    if (!look) throw notFound('job', jobId)
    const { now } = look.view
    const until = to < now ? to : new Date(now.getTime() + 1)
    // one more than is shown tells whether there are more
    const most = limit + 1
    const { runs, folds, days } = await store.readLedger(jobId, { from, to: until, limit: most })
    const entries = [...runs.map(runEntry), ...foldedEntries(folds, { from, until, most })]
    const told = new Set(entries.map(({ slot }) => slot.getTime()))
    // a slot may have been taken between the look and the reading: then the result is newer
    const open = openEntries(look.view, { from, until: justBefore(until), most }).filter(
      ({ slot }) => !told.has(slot.getTime()),
    )
    const items = [...entries, ...open].toSorted((a, b) => a.slot.getTime() - b.slot.getTime())
    const shown = items.slice(0, limit)
    return { items: shown, next: items.length > limit ? (shown.at(-1)?.slot.getTime() ?? null) : null, days }
  }
}

function runEntry({ slot, runId, state, reason }: SlotRun): LedgerEntry {
  const verdict = verdictOfRun(state)
  return { slot, verdict, reason: verdict === 'ran' ? state : reason, runId }
}

export function verdictOfRun(state: RunState): Verdict {
  if (state === 'skipped' || state === 'cancelled') return state
  return state === 'claimed' || state === 'running' ? 'running' : 'ran'
}

type Cut = { from: Date; until: Date; most: number }

/** The first `most` slots of all folds together, and perhaps some more: a fold may stand for a million slots. */
function foldedEntries(folds: FoldedSlots[], cut: Cut): LedgerEntry[] {
  const entries: LedgerEntry[] = []
  let latest = -Infinity
  for (const fold of folds) {
    if (entries.length >= cut.most && fold.firstSlot.getTime() > latest) break
    const some = foldEntries(fold, cut)
    for (const entry of some) entries.push(entry)
    latest = Math.max(latest, some.at(-1)?.slot.getTime() ?? latest)
  }
  return entries
}

function foldEntries(fold: FoldedSlots, { from, until, most }: Cut): LedgerEntry[] {
  const after = new Date(Math.max(fold.firstSlot.getTime(), from.getTime()) - 1)
  const last = new Date(Math.min(fold.lastSlot.getTime(), until.getTime() - 1))
  const { verdict, reason } = fold
  return take(slotsIn(fold.rule, { after, until: last }), most, (slot) => ({
    ...{ slot, verdict, reason },
    runId: null,
  }))
}

/** The slots that have passed without being taken: they are due, or (in a pause) will be skipped when it ends. */
function openEntries({ job, runtime }: View, { from, until, most }: Cut): LedgerEntry[] {
  const { nextSlot, state } = runtime
  if (!nextSlot || nextSlot > until || state === 'completed') return []
  if (state === 'error') {
    // its rule cannot be asked for any further slot
    return nextSlot < from ? [] : [{ slot: nextSlot, verdict: 'due', reason: runtime.lastError, runId: null }]
  }
  const { endsAt } = job.policy
  const after = new Date(Math.max(from.getTime(), nextSlot.getTime()) - 1)
  const slots = slotsIn(job, { after, until: endsAt && endsAt < until ? endsAt : until })
  if (state === 'paused') return take(slots, most, (slot) => ({ slot, ...slotOfPause, runId: null }))
  return take(slots, most, (slot) => ({ slot, verdict: 'due', reason: null, runId: null }))
}

function take(slots: Iterable<Date>, most: number, entry: (slot: Date) => LedgerEntry): LedgerEntry[] {
  const entries: LedgerEntry[] = []
  for (const slot of slots) {
    if (entries.length >= most) break
    entries.push(entry(slot))
  }
  return entries
}

const justBefore = (instant: Date) => new Date(instant.getTime() - 1)
