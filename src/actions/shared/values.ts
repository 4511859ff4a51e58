import type { Values } from '../../template/index.ts'
import type { ActionContext } from './context.ts'
import type { ActionJob, ActionRun } from './outcome.ts'

/**
 * The values of these names for one attempt, by `actionNames` of src/template. Only named values are read:
 * secrets are opened and an earlier run is looked up where a template needs them, and not else.
 *
 * @throws AppError: as `context.secret`; and the error of an unreachable database
 */
export async function valuesOf(
  names: ReadonlySet<string>,
  { job, run, context }: { job: ActionJob; run: ActionRun; context: ActionContext },
): Promise<Values> {
  const last = names.has('last.output') || names.has('last.run_id') ? await context.lastOutput(null) : null
  const values: Record<string, unknown> = {
    slot: run.slot?.toISOString() ?? null,
    attempt: run.attempt,
    trigger: run.trigger,
    now: new Date().toISOString(),
    'job.id': job.id,
    'job.name': job.name,
    'run.id': run.id,
    input: run.input ?? null,
    'last.output': last?.output ?? null,
    'last.run_id': last?.runId ?? null,
  }
  for (const name of names) {
    if (isSecret(name)) values[name] = await context.secret(name.slice(secretStart.length))
  }
  return values
}

const secretStart = 'secrets.'

/** Whether the value of this name is a secret. */
export function isSecret(name: string): boolean {
  return name.startsWith(secretStart)
}
