import { type NewJob, ruleOf } from '../../db/index.ts'
import { firstRuntime, jitterMs, type Runtime } from '../decisions/index.ts'
import { AppError } from '../ground/errors.ts'
import { readNamedZone } from '../schedule/index.ts'
import { type JobInput, mergedPolicy, storedSchedule, type Switch } from './input.ts'

type DraftNeeds = {
  id: string
  project: string
  now: Date
  /** Zone of jobs that name none. */
  timezone: string
  /** Switched off, it begins paused; null: the author does not say. */
  wish: Switch | null
}

/**
 * A new job as it is to be stored, with its first state. What it refers to is not looked at.
 *
 * @throws AppError SCHEDULE_INVALID, SCHEDULE_IN_PAST, TIMEZONE_UNKNOWN, FIELD_INVALID: its policies contradict each other
 */
export async function draftJob(input: JobInput, needs: DraftNeeds): Promise<Omit<NewJob, 'now'>> {
  const { id, project, now, timezone, wish } = needs
  const { schedule: given, timezone: named, ...rest } = input
  const { text, zone } = readNamedZone(given, { named, usual: timezone })
  const schedule = await storedSchedule(text, input.after, { now, zone, id })
  const policy = mergedPolicy({}, input.policy)
  const job = { ...rest, policy, id, project, timezone: zone, anchor: now, schedule }
  const rule = ruleOf({ ...job, version: 1 })
  const fresh = firstRuntime(rule, now)
  if (!fresh.nextSlot && text !== null) throw noSlotLeft(text)
  const isOff = wish !== null && !wish.isOn
  const runtime: Runtime = isOff
    ? { ...fresh, state: 'paused', pausedAt: now, pausedReason: wish.reason ?? null }
    : fresh
  const wakeAt = isOff || !fresh.nextSlot ? null : new Date(fresh.nextSlot.getTime() + jitterMs(rule))
  return { ...job, runtime, wakeAt }
}

function noSlotLeft(text: string): AppError {
  const message = `The schedule "${text}" has no slot left between now, starts_at and ends_at.`
  return new AppError('SCHEDULE_IN_PAST', message)
}
