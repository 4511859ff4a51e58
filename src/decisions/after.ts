import type { Decision, LiveRun, View } from './types.ts'

/** What a written decision came to: the job's new `rev`, Postgres' clock at the write, and whose leases last until when. */
export type WrittenAs = { rev: number; now: Date; owner: string; leaseUntil: Date }

/** The view as the write of `decision` left it: as good as a new look, as long as nobody else has written since. */
export function viewAfter(view: View, decision: Decision, { rev, now, owner, leaseUntil }: WrittenAs): View {
  const live = new Map(view.live.map((run) => [run.id, run]))
  for (const write of decision.runs) {
    if (write.finished) {
      live.delete(write.id)
      continue
    }
    const { id, slot, trigger, fence, attempt, attemptDueAt, attempts, input } = write
    const lease: Pick<LiveRun, 'state' | 'owner' | 'leaseUntil' | 'startedAt'> = write.leased
      ? { state: 'running', owner, leaseUntil, startedAt: now }
      : { state: 'claimed', owner: null, leaseUntil: null, startedAt: write.startedAt }
    live.set(id, { id, slot, trigger, fence, attempt, attemptDueAt, attempts, input, ...lease })
  }
  return { ...view, runtime: { ...decision.runtime, rev }, live: [...live.values()], now }
}
