import type { FoldedSlots, SlotRun, Store } from '../../db/index.ts'
import { slotOfPause, type View } from '../decisions/index.ts'
import { AppError } from '../ground/errors.ts'
import { slotsIn } from '../schedule/index.ts'

/** The verdict of a nominal slot. `due`: its instant has come and no process has taken it yet. */
export type Verdict = 'ran' | 'running' | 'skipped' | 'missed' | 'superseded' | 'cancelled' | 'due'
export type LedgerEntry = { slot: Date; verdict: Verdict; reason: string | null; runId: string | null }

/** More than this in one answer is cut; `from` of the next call goes on behind the last one. */
const entriesMax = 1_000

/**
 * Every nominal slot of a job in [from, to) up to now, with exactly one verdict, oldest first.
 *
 * @throws AppError JOB_NOT_FOUND
 */
export function createLedger({ store }: { store: Store }) {
  return async (jobId: string, { from, to }: { from: Date; to: Date }): Promise<LedgerEntry[]> => {
    const look = await store.look(jobId)
    if (!look) throw new AppError('JOB_NOT_FOUND', `No job with id ${jobId}`)
    const { now } = look.view
    const until = to < now ? to : new Date(now.getTime() + 1)
    const { runs, folds } = await store.readLedger(jobId, { from, to: until, limit: entriesMax })
    const entries = [...runs.map(runEntry), ...folds.flatMap((fold) => foldEntries(fold, from, until))]
    const told = new Set(entries.map(({ slot }) => slot.getTime()))
    // a slot may have been taken between the look and the reading: then the result is newer
    const open = openEntries(look.view, from, justBefore(until)).filter(
      ({ slot }) => !told.has(slot.getTime()),
    )
    return [...entries, ...open].toSorted((a, b) => a.slot.getTime() - b.slot.getTime()).slice(0, entriesMax)
  }
}

function runEntry({ slot, runId, state, reason }: SlotRun): LedgerEntry {
  if (state === 'skipped' || state === 'cancelled') return { slot, verdict: state, reason, runId }
  const isLive = state === 'claimed' || state === 'running'
  return { slot, verdict: isLive ? 'running' : 'ran', reason: isLive ? reason : state, runId }
}

function foldEntries(fold: FoldedSlots, from: Date, until: Date): LedgerEntry[] {
  const after = new Date(Math.max(fold.firstSlot.getTime(), from.getTime()) - 1)
  const last = new Date(Math.min(fold.lastSlot.getTime(), until.getTime() - 1))
  const { verdict, reason } = fold
  return take(slotsIn(fold.rule, { after, until: last }), (slot) => ({ slot, verdict, reason, runId: null }))
}

/** The slots that have passed without being taken: they are due, or (in a pause) will be skipped when it ends. */
function openEntries({ job, runtime }: View, from: Date, until: Date): LedgerEntry[] {
  const { nextSlot, state } = runtime
  if (!nextSlot || nextSlot > until || state === 'completed') return []
  if (state === 'error') {
    // its rule cannot be asked for any further slot
    return nextSlot < from ? [] : [{ slot: nextSlot, verdict: 'due', reason: runtime.lastError, runId: null }]
  }
  const { endsAt } = job.policy
  const after = new Date(Math.max(from.getTime(), nextSlot.getTime()) - 1)
  const slots = slotsIn(job, { after, until: endsAt && endsAt < until ? endsAt : until })
  if (state === 'paused') return take(slots, (slot) => ({ slot, ...slotOfPause, runId: null }))
  return take(slots, (slot) => ({ slot, verdict: 'due', reason: null, runId: null }))
}

function take(slots: Iterable<Date>, entry: (slot: Date) => LedgerEntry): LedgerEntry[] {
  const entries: LedgerEntry[] = []
  for (const slot of slots) {
    if (entries.length >= entriesMax) break
    entries.push(entry(slot))
  }
  return entries
}

const justBefore = (instant: Date) => new Date(instant.getTime() - 1)
