import type { Switch } from '../src/jobs/input.ts'
import { fieldRefused } from '../src/ground/errors.ts'
import { type ScheduleForm, textOfSchedule } from '../src/schedule/index.ts'
import type { Input } from './api.ts'

// Many dashboards and bots speak the API of a kind of agent whose jobs have fields that ours have not, and send them
// all. Their meaning is translated if we have the feature; the rest is accepted, and named in the answer.

/** With the schedule as one text. */
export type Plain<B> = Omit<B, 'schedule'> & { schedule?: string | null }
type Body = Plain<Input<'PATCH /api/jobs/{id}'>['body']>

/** @throws AppError FIELD_INVALID: an iCalendar file that cannot be read */
export async function withScheduleText<B extends { schedule?: ScheduleForm | null }>(
  given: B,
  now: Date,
): Promise<Plain<B>> {
  const { schedule, ...rest } = given
  if (schedule === undefined) return rest
  return { ...rest, schedule: schedule === null ? null : await textOfSchedule(schedule, now) }
}

type Foreign =
  | 'enabled'
  | 'paused'
  | 'paused_reason'
  | 'skill'
  | 'model'
  | 'input'
  | 'provider'
  | 'origin'
  | 'profile'

/** The model that `/v1/models` names if the service has none of its own; as a job's `model` it is the default. */
export const noModel = 'chronos'

export type Translated<B extends Body> = {
  body: Omit<B, Foreign>
  /** Null: the service's own; undefined: not given. For a prompt action only. */
  model: string | null | undefined
  /** Null: the body does not say. */
  wish: Switch | null
  ignored: string[]
}

/**
 * `isNew`: the body of a job that is made, whose `input` may be its prompt.
 *
 * @throws AppError FIELD_INVALID: `enabled` and `paused` contradict each other
 */
export function translated<B extends Body>(given: B, { isNew }: { isNew: boolean }): Translated<B> {
  const {
    enabled,
    paused,
    paused_reason: reason,
    skill,
    model,
    input,
    provider,
    origin,
    profile,
    ...own
  } = given
  const wish = wishOf(enabled, paused, reason)
  const isInputUsed =
    isNew && typeof input === 'string' && input !== '' && !given.prompt && isForPrompt(given)
  const ignored = Object.entries({
    input: isInputUsed ? undefined : input,
    provider,
    origin,
    profile,
    paused_reason: wish?.isOn === false ? undefined : reason,
    'repeat.completed': typeof given.repeat === 'object' ? given.repeat?.completed : undefined,
  })
  const areSkillsGiven = given.skills !== undefined || skill !== undefined
  return {
    body: {
      ...own,
      ...(isInputUsed && { prompt: input }),
      ...(areSkillsGiven && { skills: skillsOf(given.skills, skill) }),
    },
    model: model === undefined ? undefined : !model || model === noModel ? null : model,
    wish,
    ignored: ignored.filter(([, value]) => value !== undefined).map(([name]) => name),
  }
}

function isForPrompt({ action }: Body): boolean {
  return action === undefined || action.type === 'prompt'
}

function wishOf(
  enabled: boolean | undefined,
  paused: boolean | undefined,
  reason: string | null | undefined,
): Switch | null {
  const isOn = enabled ?? (paused === undefined ? undefined : !paused)
  if (isOn === undefined) return null
  if (paused === isOn) {
    throw fieldRefused('paused', `${paused} contradicts enabled: ${enabled}. Send one of them.`)
  }
  return isOn ? { isOn } : { isOn, reason }
}

/** The one that older clients send is the first of the list. */
function skillsOf(skills: string[] | null | undefined, skill: string | null | undefined): string[] {
  const list = skills ?? []
  return !skill || list.includes(skill) ? list : [skill, ...list]
}
