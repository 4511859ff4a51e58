import type { ToldRun } from '../../db/index.ts'
import type { JobRow } from './rows.ts'

/** As db/deliveries.ts has it. */
export function toldRun(job: JobRow | undefined, runId: string): ToldRun | null {
  const run = job?.runs.find(({ id }) => id === runId)
  if (!job || !run) return null
  const { id, slot, state, attempt, trigger, startedAt, finishedAt, output, error } = run
  const { id: jobId, name } = job.authored
  return {
    ...{ job: { id: jobId, name }, id, slot, state, attempt, trigger, startedAt, finishedAt, output, error },
    input: run.input ?? null,
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
