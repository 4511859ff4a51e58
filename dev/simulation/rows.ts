import type { Authored, FoldedSlots, ShownDelivery } from '../../db/index.ts'
import type { registryColumns, RowOf, runColumns } from '../../src/columns/index.ts'
import type { Ready, Runtime } from '../../src/decisions/index.ts'

/** The part of `job_runtime` that arming is about. */
export type RuntimeRow = RowOf<typeof registryColumns>

/** `waitingSince` is for people alone: no one reads it here. */
export type RunRow = Omit<
  RowOf<typeof runColumns>,
  'seq' | 'jobId' | 'errorCode' | 'errorMessage' | 'waitingSince'
> & { error: { code: string; message: string } | null }

export type FoldRow = FoldedSlots

export type DeliveryRow = ShownDelivery

/** A job with all rows that belong to it. */
export type JobRow = {
  authored: Authored
  runtime: Runtime
  /** The claim of the next slot, decided when `runtime.rev` was `readyRev`. */
  ready: Ready & { readyRev: number }
  registry: RuntimeRow
  runs: RunRow[]
  folds: FoldRow[]
  deliveries: DeliveryRow[]
}
