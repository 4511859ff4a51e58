import type { Job } from '../types.ts'
import { scheduleText } from './words.ts'

/** The fields of a job that its author sets, as a body of the API: to be edited, or to make another job from. */
export type Editable = Record<string, unknown> & { name: string; schedule: string | null; timezone: string }

export function editableOf(job: Job): Editable {
  const { name, timezone, tags, deliver, after, retry, overlap, catch_up, deadline_ms, timeout_ms } = job
  const { lease_ms, jitter_ms, starts_at, ends_at, pause_after, retention, max_live, catch_up_max } = job
  const isPrompt = job.action.type === 'prompt'
  return {
    ...{ name, schedule: scheduleText(job), timezone, tags },
    action: job.action,
    ...(isPrompt ? { prompt: job.prompt, skills: job.skills } : {}),
    deliver,
    ...(after ? { after } : {}),
    repeat: job.schedule.kind === 'once' ? null : job.repeat.times,
    ...{ retry, overlap, max_live, catch_up, catch_up_max, deadline_ms, timeout_ms, lease_ms, jitter_ms },
    ...{ starts_at, ends_at, pause_after, retention },
  }
}

export type Change = { field: string; before: unknown; after: unknown }

/** What `draft` changes, field by field; a field that it lacks is left as it is. */
export function changesOf(before: Record<string, unknown>, draft: Record<string, unknown>): Change[] {
  return Object.keys(draft)
    .map((field) => ({ field, before: before[field], after: draft[field] }))
    .filter((change) => JSON.stringify(change.before) !== JSON.stringify(change.after))
}
