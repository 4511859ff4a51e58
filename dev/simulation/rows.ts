import type { Authored, FoldedSlots, RegistryDetail, ShownDelivery } from '../../db/index.ts'
import type { Attempt, RunState, Runtime, Trigger } from '../../src/decisions/index.ts'

/** The part of `job_runtime` that arming is about. */
export type RuntimeRow = RegistryDetail & {
  recentArms: Date[]
  armLeaseBy: string | null
  armLeaseUntil: Date | null
}

export type RunRow = {
  id: string
  slot: Date | null
  trigger: Trigger
  state: RunState
  fence: number
  attempt: number
  owner: string | null
  leaseUntil: Date | null
  attemptDueAt: Date | null
  callbackUntil: Date | null
  claimedAt: Date
  startedAt: Date | null
  finishedAt: Date | null
  attempts: Attempt[]
  input: unknown
  reason: string | null
  error: { code: string; message: string } | null
  output: string | null
  usage: Record<string, unknown> | null
}

export type FoldRow = FoldedSlots

export type DeliveryRow = ShownDelivery

/** A job with all rows that belong to it. */
export type JobRow = {
  authored: Authored
  runtime: Runtime
  registry: RuntimeRow
  runs: RunRow[]
  folds: FoldRow[]
  deliveries: DeliveryRow[]
}
