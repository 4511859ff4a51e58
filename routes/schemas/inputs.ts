import Type from 'typebox'
import { jobColumns } from '../../src/columns/index.ts'
import { isOneVisibleLine } from '../../src/ground/text.ts'
import { action } from './actions.ts'
import { givenSchemas } from './columns.ts'
import { deliver } from './deliver.ts'
import { distinct, expecting, instant, instantOrNull, jobId, line, object, orNull } from './fields.ts'
import { policyFields } from './policy.ts'
import { scheduleForm } from './schedule-form.ts'

const maxRepeat = 2_147_483_647
const repeatTimes = Type.Integer({ minimum: 1, maximum: maxRepeat })
const texts = (max: number, length: number) => distinct(line(length), { maxItems: max })

const jobFields = {
  ...givenSchemas(jobColumns),
  name: Type.Refine(
    Type.String({
      minLength: 1,
      maxLength: 200,
      description: 'spaces around it are removed',
      ...expecting('a string of 1 to 200 characters that is not blank, without control characters'),
    }),
    (text) => isVisible(text) && isOneVisibleLine(text.trim()),
  ),
  schedule: scheduleForm,
  timezone: orNull<string>('string', {
    minLength: 1,
    maxLength: 64,
    description: 'IANA name; null: the zone of the service',
  }),
  action,
  skills: Type.Union([texts(100, 200), Type.Null()], expecting('a list of at most 100 different strings')),
  deliver,
  repeat: Type.Union(
    [
      repeatTimes,
      Type.Null(),
      Type.Literal('forever'),
      object({
        times: Type.Optional(orNull<number>('integer', { minimum: 1, maximum: maxRepeat })),
        completed: Type.Optional(Type.Unknown({ description: 'counted by the service; ignored' })),
      }),
    ],
    expecting(`a whole number from 1 to ${maxRepeat}, {"times": …} with one, or null or "forever"`),
  ),
}

const reason = Type.Refine(
  orNull<string>('string', {
    maxLength: 1000,
    ...expecting('a string of at most 1000 characters, without control characters other than line breaks'),
  }),
  (text) => text === null || text.split(/[\r\n\t]/).every(isOneVisibleLine),
)
const ignored = Type.Unknown({ description: 'accepted and ignored' })

const outcomes = ['success', 'failure', 'always'] as const
const on = Type.Union(
  [Type.Enum([...outcomes]), Type.Array(Type.Enum([...outcomes]), { minItems: 1, maxItems: 3 })],
  expecting('"success", "failure" or "always", or a list of these'),
)
const after = Type.Union(
  [object({ job: jobId, on: Type.Optional(on) }), Type.Null()],
  expecting('an object with the `job` to follow and, if need be, `on` which of its outcomes; or null'),
)

/** Fields that existing clients of this API send in addition to ours: translated if we have the feature, otherwise ignored. */
const clientFields = {
  enabled: Type.Optional(Type.Boolean({ description: 'false: the job is paused' })),
  paused: Type.Optional(Type.Boolean({ description: 'true: the job is paused' })),
  paused_reason: Type.Optional(reason),
  skill: Type.Optional(
    Type.Refine(
      orNull<string>('string', {
        maxLength: 200,
        description: 'one of `skills`, the first of them',
        ...expecting('a string of at most 200 characters without control characters, or null'),
      }),
      (text) => text === null || isOneVisibleLine(text),
    ),
  ),
  model: Type.Optional(
    orNull<string>('string', {
      pattern: '^[^{}]{0,200}$',
      description: "`model` of a prompt action; null or empty: the service's own",
      ...expecting('a string of at most 200 characters, without templates'),
    }),
  ),
  input: Type.Optional(Type.Unknown({ description: 'a text: the `prompt`, if there is none; else ignored' })),
  provider: Type.Optional(ignored),
  origin: Type.Optional(ignored),
  profile: Type.Optional(ignored),
}

const { name, schedule, ...optional } = jobFields
export const jobInput = object(
  {
    name,
    schedule: Type.Optional(schedule),
    after: Type.Optional(after),
    ...Type.Partial(Type.Object(optional)).properties,
    ...policyFields,
    ...clientFields,
  },
  {
    title: 'JobInput',
    description: 'A `schedule`, or `after` (or both); an `action`, or a `prompt` (the short form).',
  },
)
export const jobPatch = object(
  {
    ...Type.Partial(Type.Object(jobFields)).properties,
    schedule: Type.Optional(Type.Union([scheduleForm, Type.Null()])),
    after: Type.Optional(after),
    ...policyFields,
    ...clientFields,
  },
  { title: 'JobPatch' },
)

export const pauseInput = object({
  reason: Type.Optional(reason),
  until: Type.Optional(instantOrNull),
})
export const runInput = object({ input: Type.Optional(Type.Unknown()) })

function isVisible(text: string): boolean {
  return /[^\s\p{Cc}\p{Cf}\p{Z}]/u.test(text)
}

export const previewInput = object({
  schedule,
  timezone: Type.Optional(jobFields.timezone),
  count: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 5 })),
  from: Type.Optional(instant),
})
