import type { ToldRun } from '../../db/index.ts'
import type { DeliveryTarget } from '../../src/decisions/index.ts'
import type { JobRow } from './rows.ts'

/** As db/deliveries.ts has it. */
export function toldBy(
  job: JobRow | undefined,
  deliveryId: string,
): { run: ToldRun; target: DeliveryTarget; project: string } | null {
  const delivery = job?.deliveries.find(({ id }) => id === deliveryId)
  const run = job?.runs.find(({ id }) => id === delivery?.runId)
  if (!job || !run || !delivery) return null
  return { run: runOf(job, run), target: delivery.target, project: job.authored.project }
}

function runOf(job: JobRow, run: JobRow['runs'][number]): ToldRun {
  const { id, slot, state, attempt, trigger, startedAt, finishedAt, output, error } = run
  const { id: jobId, name } = job.authored
  return {
    ...{ job: { id: jobId, name }, id, slot, state, attempt, trigger, startedAt, finishedAt, output, error },
    input: run.input ?? null,
  }
}

/** What a look and a list say of a target. */
export function nameOfTarget({ channel, type, job }: DeliveryTarget): DeliveryTarget {
  return {
    ...(channel !== undefined && { channel }),
    ...(type !== undefined && { type }),
    ...(job !== undefined && { job }),
  }
}

/** The newest successful output; null: there is none. */
export function lastOutput(
  job: JobRow | undefined,
): { runId: string; output: string; finishedAt: Date } | null {
  const run = job?.runs.findLast(({ state, output }) => state === 'succeeded' && output !== null)
  if (!run || run.output === null || !run.finishedAt) return null
  return { runId: run.id, output: run.output, finishedAt: run.finishedAt }
}
