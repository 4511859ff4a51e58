import Type from 'typebox'
import type { Scope } from '../../src/access/keys/index.ts'
import { jobColumns } from '../../src/columns/index.ts'
import { job, upcoming, warnings } from './answers.ts'
import { defaultOn } from './channels.ts'
import { expecting, line, object, orNull } from './fields.ts'
import { jobInput } from './inputs.ts'
import type { Operation } from './operation.ts'
import { bodyErrors, inputErrors, scheduleErrors } from './refusals.ts'
import { channelName, targetsFor, typesInWords } from './targets.ts'

/** Jobs of one file, at most. */
const mostJobs = 5_000
const mostChannels = 200
const keyRule = jobColumns.key.given
const key = Type.String({ pattern: keyRule.pattern, ...expecting(keyRule['x-expected']) })

/** Fields of other programs' clients have no place in a file. */
const foreign = ['key', 'enabled', 'skill', 'input', 'provider', 'origin', 'profile', 'model'] as const
const { name, after: _, ...ours } = Type.Omit(jobInput, foreign).properties

const outcome = Type.Enum(['success', 'failure', 'always'])
const after = Type.Union(
  [
    object({
      job: line(100),
      on: Type.Optional(Type.Union([outcome, Type.Array(outcome, { minItems: 1, maxItems: 3 })])),
    }),
    Type.Null(),
  ],
  expecting(
    'an object with the `job` to follow (its key or its id) and, if need be, `on` which of its outcomes',
  ),
)
const fields = { name: Type.Optional(name), ...ours, after: Type.Optional(after) }

const jobOfFile = object(fields, {
  title: 'JobOfFile',
  description:
    'A `schedule`, or `after` (or both); an `action`, or a `prompt`. `name`: the key, if it is left out.',
})

/** A file is read by many: a secret stands in it by its name only. */
const channelOfFile = Type.Union(
  [...targetsFor('job', { default_on: Type.Optional(defaultOn) }, 'ChannelOfFile')],
  { title: 'ChannelOfFile', ...expecting(`an object with a "type" of ${typesInWords}`) },
)

/** `chronos.yaml`. */
export const jobsFile = object(
  {
    $schema: Type.Optional(Type.String({ maxLength: 1_000, description: 'for editors' })),
    owner: Type.Optional(
      Type.String({
        pattern: keyRule.pattern,
        ...expecting(keyRule['x-expected']),
        description:
          'whose jobs and channels these are: each job gets the tag `owner:…`, and those that the file does not have can be pruned',
      }),
    ),
    defaults: Type.Optional(
      object(fields, {
        title: 'JobDefaults',
        description: 'fields of every job that does not have them itself',
      }),
    ),
    channels: Type.Optional(
      Type.Record(channelName, channelOfFile, {
        maxProperties: mostChannels,
        additionalProperties: false,
        description: 'by their names; a key with the scope `admin` may change them',
      }),
    ),
    jobs: Type.Record(key, jobOfFile, {
      maxProperties: mostJobs,
      additionalProperties: false,
      description: `by their keys: ${keyRule['x-expected']}`,
    }),
  },
  { title: 'JobsFile' },
)

const change = object({
  key: Type.String(),
  what: Type.Enum(['make', 'change', 'remove']),
  id: orNull<string>('string', { description: 'null: the job is to be made' }),
  changed: Type.Array(object({ field: Type.String(), before: Type.Unknown(), after: Type.Unknown() }), {
    description: 'field by field, as a file has them; null where there is none',
  }),
})
const channelChange = object(
  { name: Type.String(), what: change.properties.what, changed: change.properties.changed },
  { title: 'ChannelChange', description: 'of a channel that was set by hand no secret is shown' },
)
const channels = Type.Array(channelChange)
const counts = {
  made: Type.Integer(),
  changed: Type.Integer(),
  removed: Type.Integer(),
  kept: Type.Integer(),
}
const planFields = {
  plan: Type.String({ description: 'to be sent to `apply`: it is refused if anything has changed since' }),
  ...counts,
  channels,
}
const prune = Type.Optional(
  Type.Boolean({
    default: false,
    description: 'removes jobs and channels of the `owner` that are not in the file',
  }),
)
const errors = [
  ...bodyErrors,
  ...scheduleErrors,
  'AFTER_CYCLE',
  'OWNER_CONFLICT',
  'JOB_STATE_CONFLICT',
] as const
const channelErrors = ['ENCRYPTION_KEY_MISSING', 'ENCRYPTION_KEY_WRONG'] as const

export const declaredOperations = {
  'GET /api/jobs/by-key/{key}': {
    id: 'readJobByKey',
    scope: 'jobs:read',
    summary: 'The job with this key',
    params: object({ key }),
    status: 200,
    answerHeaders: ['ETag'],
    answer: object({ job }),
    errors: [...inputErrors, 'JOB_NOT_FOUND'],
  },
  'PUT /api/jobs/by-key/{key}': {
    id: 'putJob',
    scope: 'jobs:write',
    summary:
      'Make the job with this key (201), or make it what the body says (200); `changed`: field by field',
    params: object({ key }),
    body: jobOfFile,
    status: 200,
    answerHeaders: ['Location', 'ETag'],
    madeStatus: 201,
    answer: object({
      job,
      made: Type.Boolean(),
      changed: change.properties.changed,
      warnings: Type.Optional(warnings),
    }),
    errors: [...errors, 'NOT_ARMED'],
  },
  'POST /api/plan': {
    id: 'planFile',
    scope: 'jobs:read',
    isLarge: true,
    isFile: true,
    summary: 'What `apply` would change, with the next instants before and after; nothing is written',
    description: 'Send `plan` of the answer to `apply`, which is refused if anything has changed since.',
    query: object({ prune }),
    body: jobsFile,
    status: 200,
    answer: object(
      {
        ...planFields,
        changes: Type.Array(
          object({
            ...change.properties,
            next: object({ before: upcoming, after: upcoming }, { description: 'the next three instants' }),
          }),
        ),
      },
      { title: 'Plan' },
    ),
    errors: [...errors, ...channelErrors],
  },
  'POST /api/apply': {
    id: 'applyFile',
    scope: 'jobs:write',
    isLarge: true,
    isFile: true,
    summary: 'Make the jobs and channels what the file says: all of it, or nothing',
    description: 'Applying a file twice changes nothing the second time.',
    query: object({
      prune,
      plan: Type.Optional(
        Type.String({ maxLength: 64, description: '`plan` of the plan that was agreed to' }),
      ),
    }),
    body: jobsFile,
    status: 200,
    answer: object({ ...planFields, changes: Type.Array(change) }, { title: 'Applied' }),
    errors: [...errors, ...channelErrors, 'CHANNEL_IN_USE', 'PLAN_STALE', 'NOT_ARMED'],
  },
  'GET /api/export': {
    id: 'exportFile',
    scope: 'jobs:read',
    isLarge: true,
    isFile: true,
    summary:
      'The jobs that have a key, and the channels, as a file; `without_key`: how many jobs have none; `channels_left_out`: those whose secrets are written out',
    query: object({ owner: Type.Optional(line(100)) }),
    status: 200,
    answer: object({
      file: Type.Unsafe<unknown>({ type: 'object' }),
      without_key: Type.Integer(),
      channels_left_out: Type.Array(Type.String()),
    }),
    errors: [...inputErrors],
  },
} satisfies Record<string, Operation & { scope: Scope }>
