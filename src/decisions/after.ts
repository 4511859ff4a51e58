import { liveRunColumns, pick } from '../columns/index.ts'
import { deliveryLeaseMs } from './draft.ts'
import type { Decision, LiveRun, PendingDelivery, View } from './types.ts'

/** The result of a written decision: the job's new `rev`, Postgres' clock at the write, and whose leases last until when. */
export type WrittenAs = { rev: number; now: Date; owner: string; leaseUntil: Date }

type Written = Pick<Decision, 'runtime' | 'runs' | 'deliveries'>

/** The view as the write of `decision` left it: as good as a new look, as long as no other process has written since. */
export function viewAfter(view: View, decision: Written, { rev, now, owner, leaseUntil }: WrittenAs): View {
  const live = new Map(view.live.map((run) => [run.id, run]))
  for (const write of decision.runs) {
    if (write.finished) {
      live.delete(write.id)
      continue
    }
    const { callbackUntil, startedAt } = write
    const lease: Pick<LiveRun, 'state' | 'owner' | 'leaseUntil' | 'startedAt'> = write.leased
      ? { state: 'running', owner, leaseUntil, startedAt: now }
      : { state: callbackUntil ? 'waiting' : 'claimed', owner: null, leaseUntil: null, startedAt }
    live.set(write.id, pick(liveRunColumns, { ...write, ...lease }))
  }
  const deliveries = deliveriesAfter(view, decision, { now, owner })
  return { ...view, runtime: { ...decision.runtime, rev }, live: [...live.values()], deliveries, now }
}

function deliveriesAfter(
  view: View,
  { deliveries: writes }: Written,
  { now, owner }: Pick<WrittenAs, 'now' | 'owner'>,
): PendingDelivery[] {
  const pending = new Map(view.deliveries.map((delivery) => [delivery.id, delivery]))
  for (const { id, runId, target, event, attempt, dueAt, state, leased } of writes) {
    pending.delete(id)
    if (state !== 'pending') continue
    const leaseUntil = leased ? new Date(now.getTime() + deliveryLeaseMs) : null
    pending.set(id, { id, runId, target, event, attempt, dueAt, owner: leased ? owner : null, leaseUntil })
  }
  return [...pending.values()]
}
