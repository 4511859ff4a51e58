import Type from 'typebox'
import { action } from './actions/index.ts'
import { deliver } from './deliver.ts'
import { expecting, instant, instantOrNull, jobId, object, orNull } from './fields.ts'
import { policyFields } from './policy.ts'

const maxRepeat = 2_147_483_647
const repeatTimes = Type.Integer({ minimum: 1, maximum: maxRepeat })
const texts = (max: number, length: number) =>
  Type.Array(Type.String({ minLength: 1, maxLength: length }), { maxItems: max, uniqueItems: true })

const jobFields = {
  name: Type.String({ minLength: 1, maxLength: 200 }),
  schedule: Type.String({
    minLength: 1,
    maxLength: 200,
    description: '`every 30m`, `every weekday at 9am`, `0 9 * * 1-5`, an ISO instant, `in 2h`',
  }),
  timezone: orNull<string>('string', {
    minLength: 1,
    maxLength: 64,
    description: 'IANA name; null: the zone of the service',
  }),
  action,
  prompt: orNull<string>('string', { minLength: 1, maxLength: 100_000 }),
  skills: texts(100, 200),
  deliver,
  repeat: Type.Union(
    [
      repeatTimes,
      Type.Null(),
      object({ times: orNull<number>('integer', { minimum: 1, maximum: maxRepeat }) }),
    ],
    expecting(`a whole number from 1 to ${maxRepeat}, {"times": …} with one, or null for ever`),
  ),
  tags: texts(50, 100),
}

const outcomes = ['success', 'failure', 'always'] as const
const on = Type.Union(
  [Type.Enum([...outcomes]), Type.Array(Type.Enum([...outcomes]), { minItems: 1, maxItems: 3 })],
  expecting('"success", "failure" or "always", or a list of these'),
)
const after = Type.Union(
  [object({ job: jobId, on: Type.Optional(on) }), Type.Null()],
  expecting('an object with the `job` to follow and, if need be, `on` which of its outcomes; or null'),
)

const { name, schedule, ...optional } = jobFields
export const jobInput = object(
  {
    name,
    schedule: Type.Optional(schedule),
    after: Type.Optional(after),
    ...Type.Partial(Type.Object(optional)).properties,
    ...policyFields,
  },
  {
    title: 'JobInput',
    description: 'A `schedule`, or `after` (or both); an `action`, or a `prompt` (the short form).',
  },
)
export const jobPatch = object(
  {
    ...Type.Partial(Type.Object(jobFields)).properties,
    schedule: Type.Optional(orNull<string>('string', { minLength: 1, maxLength: 200 })),
    after: Type.Optional(after),
    ...policyFields,
  },
  { title: 'JobPatch' },
)

export const pauseInput = object({
  reason: Type.Optional(orNull<string>('string', { maxLength: 1000 })),
  until: Type.Optional(instantOrNull),
})
export const runInput = object({ input: Type.Optional(Type.Unknown()) })

export const previewInput = object({
  schedule,
  timezone: Type.Optional(jobFields.timezone),
  count: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 5 })),
  from: Type.Optional(instant),
})
