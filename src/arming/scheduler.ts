import type { ArmOrder } from '../../db/index.ts'
import type { ArmState } from './arm.ts'
import type { BootSeen } from './listing.ts'

/**
 * A job whose wake time may have moved. `order`: the arm lease, if it came with the write that moved it. `atRest`: it
 * moves again when what runs of this job has ended; if that is within a moment, arming waits for it.
 */
export type JobChange = { jobId: string; order?: ArmOrder | null; atRest?: boolean }

export type ReconcileCounts = {
  /** Overdue jobs that were attended to. */
  attended: number
  /** Jobs whose arm was made, or made again. */
  armed: number
  /** Arms that were cancelled, because Postgres says that their job is gone or wants none. */
  cancelled: number
  /** Arms that are still owed. */
  owed: number
  /** Arms at NAS that Postgres knows nothing of; they are left alone. */
  foreign: number
  /** False if NAS did not list its arms: only arms that Postgres knows to be owed were made. */
  complete: boolean
}

/**
 * Decides *when* a job is attended to; what firing means is shared, and no scheduler implements it again. The optional
 * hooks have safe defaults (`withDefaults`), so the interface can grow without changing the schedulers that exist.
 */
export type CronScheduler = {
  readonly name: string
  /** From the configuration alone: no network, no database. */
  isAvailable(): boolean
  /**
   * Starts its work and returns; nothing that it starts may throw into the caller. `seen`: what this process saw a
   * moment ago; null: it could not look.
   */
  start(seen?: BootSeen | null): Promise<void>
  stop(): Promise<void>
  /** The wake times of these jobs may have moved: makes them sure within `budgetMs`, or says that they are not. */
  onJobsChanged?(changes: JobChange[], budgetMs: number): Promise<ArmState>
  /** A job may be due: attends to it. For callers that know better than the scheduler. */
  fireDue?(jobId: string): Promise<void>
  /** Makes the outside world agree with Postgres. */
  reconcile?(): Promise<ReconcileCounts>
}

const nothingReconciled: ReconcileCounts = {
  attended: 0,
  armed: 0,
  cancelled: 0,
  owed: 0,
  foreign: 0,
  complete: true,
}

/** The scheduler with every hook there: nothing to arm is armed, nothing to reconcile is reconciled. */
export function withDefaults(scheduler: CronScheduler): Required<CronScheduler> {
  return {
    name: scheduler.name,
    isAvailable: () => scheduler.isAvailable(),
    start: (seen) => scheduler.start(seen),
    stop: () => scheduler.stop(),
    onJobsChanged: async (changes, budgetMs) =>
      (await scheduler.onJobsChanged?.(changes, budgetMs)) ?? 'armed',
    fireDue: async (jobId) => scheduler.fireDue?.(jobId),
    reconcile: async () => (await scheduler.reconcile?.()) ?? nothingReconciled,
  }
}
