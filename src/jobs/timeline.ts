import { setImmediate } from 'node:timers/promises'
import type { Overview, TimelineRow } from '../../db/index.ts'
import type { RunState } from '../decisions/index.ts'
import { type ClockChange, clockChangesIn, slotsIn } from '../schedule/index.ts'
import { type Verdict, verdictOfRun } from './ledger.ts'

/** A slot in the window. `overlaps`: the slot before is expected to be at work still. */
export type LaneSlot = {
  at: Date
  verdict: Verdict | 'planned'
  overlaps: boolean
  run: { id: string; state: RunState } | null
}
/** `hasMore`: more slots than are shown here. */
export type Lane = TimelineRow & { slots: LaneSlot[]; hasMore: boolean; clockChanges: ClockChange[] }
/** `hasMore`: more jobs wake in the window. `now`: Postgres'; null: no job wakes. */
export type Timeline = { lanes: Lane[]; hasMore: boolean; now: Date | null }

type Window = { from: Date; to: Date }

/** Of a job; a lane with more of them is too dense to be drawn. */
const slotsMost = 288

/** What has run, runs and will run in [from, to). The event loop goes round between the lanes. */
export async function readTimeline(
  overview: Pick<Overview, 'lanes'>,
  { limit, project, ...window }: Window & { limit: number; project: string | null },
): Promise<Timeline> {
  const rows = await overview.lanes({ ...window, project, limit, slotsMost })
  const lanes: Lane[] = []
  for (const row of rows.slice(0, limit)) {
    lanes.push(laneOf(row, window))
    await setImmediate()
  }
  return { lanes, hasMore: rows.length > limit, now: rows[0]?.now ?? null }
}

function laneOf(row: TimelineRow, window: Window): Lane {
  const all = [...pastSlots(row), ...openSlots(row, window)]
  const slots = withOverlaps(all.slice(0, slotsMost), row.expectedMs)
  const clockChanges = clockChangesIn(row.rule.zone, { after: window.from, until: window.to })
  return { ...row, slots, hasMore: all.length > slotsMost, clockChanges }
}

type Found = Omit<LaneSlot, 'overlaps'>

function pastSlots({ past }: TimelineRow): Found[] {
  return past.flatMap(({ id, state, slot }) =>
    slot ? [{ at: slot, verdict: verdictOfRun(state), run: { id, state } }] : [],
  )
}

/** Those that no process has taken: due, or still to come. */
function openSlots({ rule, state, nextSlot, slotsUsed, now }: TimelineRow, { from, to }: Window): Found[] {
  if (state !== 'scheduled' || !nextSlot) return []
  const { endsAt } = rule.policy
  const left = rule.repeatTimes === null ? Infinity : rule.repeatTimes - slotsUsed
  const after = new Date(Math.max(from.getTime(), nextSlot.getTime()) - 1)
  const last = new Date(Math.min(to.getTime() - 1, endsAt?.getTime() ?? Infinity))
  const slots: Found[] = []
  for (const at of slotsIn(rule, { after, until: last })) {
    if (slots.length > Math.min(slotsMost, left - 1)) break
    slots.push({ at, verdict: at <= now ? 'due' : 'planned', run: null })
  }
  return slots
}

function withOverlaps(slots: Found[], expectedMs: number | null): LaneSlot[] {
  return slots.map((slot, n) => {
    const before = slots[n - 1]
    const overlaps =
      before !== undefined && expectedMs !== null && slot.at.getTime() - before.at.getTime() < expectedMs
    return { ...slot, overlaps }
  })
}
