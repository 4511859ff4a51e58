import type { Strip } from '../../db/index.ts'
import type { RunState } from '../decisions/index.ts'
import { slotsIn } from '../schedule/index.ts'
import { type Verdict, verdictOfRun } from './ledger.ts'

export type StripSlot = {
  slot: Date
  verdict: Verdict
  state: RunState | null
  runId: string | null
  reason: string | null
}
/** `runs`: how many have ended and were not skipped; the other numbers are of them, and null where there are none. */
export type StripSums = {
  runs: number
  successRate: number | null
  p50Ms: number | null
  p95Ms: number | null
}

const slotsShown = 30

/** The last slots of a job with their verdicts, oldest first. */
export function stripSlots({ runs, folds }: Pick<Strip, 'runs' | 'folds'>): StripSlot[] {
  const ran = runs.flatMap(({ slot, id, state, reason }) =>
    slot ? [{ slot, verdict: verdictOfRun(state), state, runId: id, reason }] : [],
  )
  const folded = folds.flatMap((fold) => lastOf(fold).map((slot) => foldedSlot(slot, fold)))
  return [...ran, ...folded].toSorted((a, b) => a.slot.getTime() - b.slot.getTime()).slice(-slotsShown)
}

function foldedSlot(slot: Date, { verdict, reason }: Strip['folds'][number]): StripSlot {
  return { slot, verdict, state: null, runId: null, reason }
}

/** The last slots of a fold, which may stand for a million: they are counted from so far before its end as 30 of them take. */
function lastOf({ rule, firstSlot, lastSlot, count }: Strip['folds'][number]): Date[] {
  const stepMs = count > 1 ? (lastSlot.getTime() - firstSlot.getTime()) / (count - 1) : 0
  const from = Math.max(firstSlot.getTime(), lastSlot.getTime() - stepMs * slotsShown)
  const slots: Date[] = []
  for (const slot of slotsIn(rule, { after: new Date(from - 1), until: lastSlot })) {
    slots.push(slot)
    if (slots.length > slotsShown) slots.shift()
  }
  return slots
}

export function stripSums(runs: Strip['runs']): StripSums {
  const ended = runs.filter(
    ({ finishedAt, state }) => finishedAt && state !== 'skipped' && state !== 'cancelled',
  )
  const durations = ended
    .flatMap(({ startedAt, finishedAt }) =>
      startedAt && finishedAt ? [finishedAt.getTime() - startedAt.getTime()] : [],
    )
    .toSorted((a, b) => a - b)
  const succeeded = ended.filter(({ state }) => state === 'succeeded').length
  return {
    runs: ended.length,
    successRate: ended.length > 0 ? succeeded / ended.length : null,
    p50Ms: quantile(durations, 0.5),
    p95Ms: quantile(durations, 0.95),
  }
}

function quantile(sorted: number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null
}
