import { type Authored, storeSchedule } from '../../db/index.ts'
import { policyFrom } from '../decisions/index.ts'
import { fieldRefused } from '../ground/errors.ts'
import { readSchedule } from '../schedule/index.ts'

/**
 * A job as a person asks for it. `schedule` null: only another job's outcome starts it; `timezone` null: the service's
 * own. `policy` is by the names of `Policy`, as JSON, in which null is the default; a change touches only the fields that it has.
 */
export type JobInput = Omit<
  Authored,
  'id' | 'project' | 'schedule' | 'timezone' | 'anchor' | 'version' | 'createdAt' | 'updatedAt'
> & { schedule: string | null; timezone: string | null }

/** The fields of a change. `model`: of a prompt action, which is changed in no other way; any other action has none. */
export type JobPatch = Partial<JobInput> & { model?: string | null }

/** Whether a job is to follow its schedule. `reason` undefined: a pause that there is keeps its own. */
export type Switch = { isOn: true } | { isOn: false; reason: string | null | undefined }

/** The part of a job that refers to something else. */
export type Referring = Pick<JobInput, 'action' | 'prompt' | 'deliver'>

/** @throws AppError FIELD_INVALID: names a secret or a channel that the project does not have */
export type CheckReferences = (job: Referring, project: string) => Promise<void>

/** The check of many jobs: whatever they name is looked for once, and not job by job. `made`: channels that there will be. */
export type ReferencesOf = (
  jobs: readonly Referring[],
  where: { project: string; made: readonly string[] },
) => Promise<(job: Referring) => Promise<void>>

/** @throws AppError FIELD_INVALID: its bounds leave no instant between them */
export function mergedPolicy(stored: Record<string, unknown>, given: Record<string, unknown>) {
  const merged = Object.entries({ ...stored, ...given }).filter(([, value]) => value !== null)
  const policy = Object.fromEntries(merged)
  const { startsAt, endsAt } = policyFrom(policy)
  if (!startsAt || !endsAt || startsAt <= endsAt) return policy
  const bounds = `must not be before starts_at (${startsAt.toISOString()}), but is ${endsAt.toISOString()}`
  throw fieldRefused('ends_at', bounds)
}

/** @throws AppError FIELD_INVALID: neither a schedule nor a job to follow */
export async function storedSchedule(
  text: string | null,
  after: JobInput['after'],
  at: { now: Date; zone: string; id: string },
): Promise<Authored['schedule']> {
  if (text !== null) return storeSchedule(await readSchedule(text, at), text)
  if (after) return storeSchedule({ kind: 'after', display: `after job ${after.job}` }, '')
  throw fieldRefused('schedule', 'required unless `after` names a job to follow')
}
