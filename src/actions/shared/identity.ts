import type { ActionJob, ActionRun } from './outcome.ts'

/** Names the work, not the attempt: a target that sees it twice does it once. The same on every machine. */
export function idempotencyKey(job: ActionJob, run: ActionRun): string {
  return `${job.id}:${run.slot?.toISOString() ?? run.id}`
}

/** Headers that let a target do the work once and refuse a stale attempt. */
export function identity(job: ActionJob, run: ActionRun): Record<string, string> {
  return {
    'idempotency-key': idempotencyKey(job, run),
    'x-chronos-job': job.id,
    'x-chronos-run': run.id,
    ...(run.slot === null ? {} : { 'x-chronos-slot': run.slot.toISOString() }),
    'x-chronos-attempt': String(run.attempt),
    'x-chronos-fence': String(run.fence),
  }
}
