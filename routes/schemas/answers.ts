import Type from 'typebox'
import { jobColumns, jobStates, runColumns, runStates, runtimeColumns } from '../../src/columns/index.ts'
import { errorTable } from '../../src/ground/errors.ts'
import { action } from './actions.ts'
import { shownSchemas } from './columns.ts'
import { instantOut, instantOutOrNull, jobId, object, orNull, runId, textOrNull } from './fields.ts'
import { policyAnswer } from './policy.ts'

export const schedule = Type.Object(
  {
    kind: Type.Enum(['cron', 'interval', 'once', 'after', 'calendar', 'rules']),
    expr: Type.Optional(
      Type.String({
        description: 'cron; of `calendar` and `rules` the rules as docs/schedules.md writes them',
      }),
    ),
    every_ms: Type.Optional(Type.Integer()),
    from: Type.Optional(Type.String({ description: 'the first slot of an interval that has its own start' })),
    every: Type.Optional(Type.Integer({ description: 'of `calendar`: every so many of `unit`' })),
    unit: Type.Optional(Type.Enum(['day', 'week', 'month', 'year'])),
    first: Type.Optional(
      Type.String({ description: 'of `calendar`: the local time that the steps begin at' }),
    ),
    minutes: Type.Optional(Type.Integer({ description: 'where the period is whole minutes' })),
    run_at: Type.Optional(instantOut),
    display: Type.String(),
  },
  { title: 'Schedule' },
)

const errorOrNull = Type.Union([Type.Object({ code: Type.String(), message: Type.String() }), Type.Null()])
const runState = Type.Enum([...runStates])

const trigger = Type.String({
  description:
    'what calls when the job is due: `builtin` (this process, so `armed` is false) or an outside timer',
})

const { id: idOfJob, name: nameOfJob, ...shownOfJob } = shownSchemas(jobColumns, { id: jobId })
export const job = Type.Object(
  {
    id: idOfJob,
    name: nameOfJob,
    schedule,
    schedule_display: Type.String(),
    after: Type.Union([object({ job: jobId, on: Type.Array(Type.String()) }), Type.Null()]),
    ...shownOfJob,
    ...shownSchemas(runtimeColumns),
    state: Type.Enum([...jobStates]),
    skill: orNull<string>('string', { description: 'the first of `skills`' }),
    model: orNull<string>('string', { description: 'of a prompt action' }),
    provider: orNull<string>('string', { description: 'always null' }),
    origin: orNull<string>('string', { description: 'always null' }),
    tells_nobody: Type.Boolean({ description: 'if the job fails, nothing is sent to anyone' }),
    action,
    enabled: Type.Boolean(),
    next_run_at: instantOutOrNull,
    latest_execution: Type.Union([
      Type.Object({
        id: runId,
        status: runState,
        started_at: instantOutOrNull,
        finished_at: instantOutOrNull,
        error: textOrNull,
      }),
      Type.Null(),
    ]),
    last_delivery_error: orNull<string>('string', {
      description: 'why the last outcome has not reached a receiver',
    }),
    repeat: Type.Object({ times: orNull<number>('integer', {}), completed: Type.Integer() }),
    armed: Type.Boolean({ description: 'an outside timer has confirmed the wake-up that the job needs' }),
    trigger,
    ...policyAnswer,
  },
  { title: 'Job' },
)

export const warnings = Type.Array(
  Type.Object(
    {
      code: Type.Enum(['CHANNEL_UNKNOWN', 'TELLS_NOBODY', 'CREDENTIAL_IN_JOB', 'PROMPT_NOT_AVAILABLE']),
      path: Type.String(),
      message: Type.String(),
    },
    { title: 'Warning', description: 'accepted, and perhaps not what was meant' },
  ),
)
export const ignored = Type.Array(Type.String(), {
  description: 'fields and parameters that were accepted and have no effect; missing if there are none',
})

const {
  id: idOfRun,
  job_id: jobOfRun,
  ...shownOfRun
} = shownSchemas(runColumns, {
  id: runId,
  job_id: jobId,
  attempts: Type.Array(
    Type.Object({
      attempt: Type.Integer(),
      fence: Type.Integer(),
      state: runState,
      started_at: instantOutOrNull,
      finished_at: instantOut,
      error: errorOrNull,
    }),
  ),
})

export const run = Type.Object(
  {
    id: idOfRun,
    job_id: jobOfRun,
    job_name: Type.String(),
    project: Type.String({ description: 'of its job' }),
    ...shownOfRun,
    state: runState,
    duration_ms: orNull<number>('integer', {}),
    lateness_ms: orNull<number>('integer', {}),
    error: errorOrNull,
    skipped_reason: orNull<string>('string', { description: 'why there was nothing to do' }),
    output_cut: Type.Boolean({ description: 'true in a list whose `output` is only the beginning' }),
  },
  { title: 'Run' },
)

export const upcoming = Type.Array(
  Type.Object({
    at: instantOut,
    local: Type.String({ description: "local time in the job's zone" }),
    offset_change: Type.Optional(Type.Object({ at: instantOut, from: Type.String(), to: Type.String() })),
  }),
)

export const arm = Type.Object(
  {
    job_id: jobId,
    armed: Type.Boolean(),
    trigger,
    wake_at: instantOutOrNull,
    wake_changed_at: instantOut,
    armed_at: instantOutOrNull,
    schedule_id: textOrNull,
    drift_ms: orNull<number>('integer', {
      description: 'armed_at − wake_at; negative: early, which is safe',
    }),
    owed_since: instantOutOrNull,
    last_error: textOrNull,
    failing_since: instantOutOrNull,
    last_provision: Type.Unknown(),
    history: Type.Array(Type.Unknown()),
  },
  { title: 'Arm' },
)

export const slot = object({
  slot: instantOut,
  verdict: Type.String(),
  reason: textOrNull,
  run_id: textOrNull,
})

/** What all slots of a UTC day add up to. */
export const slotDay = object({
  day: Type.String({ format: 'date' }),
  ran: Type.Integer(),
  skipped: Type.Integer(),
  missed: Type.Integer(),
  cancelled: Type.Integer(),
  superseded: Type.Integer(),
})

export const problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.Enum(Object.keys(errorTable)),
    error: Type.String({ description: 'the same text as `detail`' }),
    errors: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
  },
  {
    title: 'Problem',
    description: 'RFC 9457; some codes add members.',
    examples: [
      {
        ...{ type: 'urn:chronos:error:JOB_NOT_FOUND', title: errorTable.JOB_NOT_FOUND.title, status: 404 },
        ...{
          detail: 'No job with id ab12cd34ef56',
          code: 'JOB_NOT_FOUND',
          error: 'No job with id ab12cd34ef56',
        },
      },
    ],
  },
)
