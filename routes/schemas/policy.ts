import Type from 'typebox'
import { defaultPolicy, type Policy, type RetryPolicy } from '../../src/decisions/index.ts'
import { distinct, instantOrNull, instantOutOrNull, orNull } from './fields.ts'

// Documented as a table in docs/policies.md, "All fields"; a test holds the two together.

const dayMs = 86_400_000
const backoffs: RetryPolicy['backoff'][] = ['fixed', 'exponential']
const overlaps: Policy['overlap'][] = ['skip', 'queue', 'allow', 'cancel_running']
const catchUps: Policy['catchUp'][] = ['latest', 'all', 'none']

/** A policy that is not given, or given as null, has its default. */
const optional = <T extends Type.TSchema>(schema: T) => Type.Optional(schema)
const wholeNumber = (minimum: number, maximum: number, fallback: number | null, description: string) =>
  optional(orNull<number>('integer', { minimum, maximum, default: fallback, description }))
const oneOf = <T extends string>(words: T[], fallback: T, description: string) =>
  optional(Type.Unsafe<T | null>({ enum: [...words, null], default: fallback, description }))

const { retry, ...usual } = defaultPolicy

const retryFields = {
  attempts: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 100,
      default: retry.attempts,
      description: 'all attempts, the first included',
    }),
  ),
  backoff: Type.Optional(Type.Enum(backoffs, { default: retry.backoff })),
  delay_ms: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 7 * dayMs,
      default: retry.delayMs,
      description: 'before the second attempt',
    }),
  ),
  max_delay_ms: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 7 * dayMs,
      default: retry.maxDelayMs,
      description: 'between any two attempts; at least `delay_ms`',
    }),
  ),
  on: Type.Optional(
    distinct(Type.Enum(retry.on), {
      minItems: 1,
      maxItems: retry.on.length,
      default: retry.on,
      description: 'after which ends an attempt is repeated',
    }),
  ),
}

const retentionFields = {
  runs: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 10_000,
      default: usual.retention.runs,
      description: 'with logs and outputs, the newest ones',
    }),
  ),
  days: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 3_650,
      default: usual.retention.days,
      description: 'for which they have logs and outputs',
    }),
  ),
  history_runs: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: usual.retention.historyRuns,
      description: 'that are kept at all, the newest ones',
    }),
  ),
  history_days: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 3_650,
      default: usual.retention.historyDays,
      description: 'for which they are kept at all',
    }),
  ),
}

export type RetryInput = Type.Static<Type.TObject<typeof retryFields>>
export type RetentionInput = Type.Static<Type.TObject<typeof retentionFields>>

/** The policies that a client may send, in a new job and in a change. */
export const policyFields = {
  retry: optional(
    Type.Unsafe<RetryInput | null>({
      type: ['object', 'null'],
      properties: retryFields,
      additionalProperties: false,
      description: 'given as a whole: what is left out of it has its default',
    }),
  ),
  overlap: oneOf(overlaps, usual.overlap, 'what becomes of a slot that comes while an earlier run is live'),
  max_live: wholeNumber(1, 1_000, usual.maxLive, 'with `overlap` "allow": runs that may be live at once'),
  catch_up: oneOf(catchUps, usual.catchUp, 'which of the slots that passed unattended still run'),
  catch_up_max: wholeNumber(
    1,
    1_000,
    usual.catchUpMax,
    'with `catch_up` "all": how many at most, the newest ones',
  ),
  deadline_ms: wholeNumber(0, 31 * dayMs, usual.deadlineMs, 'a slot that is later than this is missed'),
  timeout_ms: wholeNumber(1, dayMs, usual.timeoutMs, 'of one attempt'),
  lease_ms: wholeNumber(1_000, dayMs, usual.leaseMs, 'how long a claim lasts without renewal'),
  jitter_ms: wholeNumber(
    0,
    dayMs,
    usual.jitterMs,
    'runs begin up to so much after their slots, the same for each',
  ),
  starts_at: Type.Optional(instantOrNull),
  ends_at: Type.Optional(instantOrNull),
  pause_after: wholeNumber(1, 1_000, usual.pauseAfter, 'failures in a row after which the job pauses itself'),
  retention: optional(
    Type.Unsafe<RetentionInput | null>({
      type: ['object', 'null'],
      properties: retentionFields,
      additionalProperties: false,
      description:
        'of runs and of their logs and outputs, given as a whole: what is left out of it has its default',
    }),
  ),
}

/** Policies as they are shown: each with the value that holds. */
export const policyAnswer = {
  retry: Type.Object({
    attempts: Type.Integer(),
    backoff: Type.Enum(backoffs),
    delay_ms: Type.Integer(),
    max_delay_ms: Type.Integer(),
    on: Type.Array(Type.Enum(retry.on)),
  }),
  overlap: Type.Enum(overlaps),
  max_live: Type.Integer(),
  catch_up: Type.Enum(catchUps),
  catch_up_max: Type.Integer(),
  deadline_ms: orNull<number>('integer', { description: 'null: by the period of the job' }),
  timeout_ms: orNull<number>('integer', { description: 'null: that of the action' }),
  lease_ms: orNull<number>('integer', { description: 'null: that of the service, RUN_LEASE_MS' }),
  jitter_ms: Type.Integer(),
  starts_at: instantOutOrNull,
  ends_at: instantOutOrNull,
  pause_after: orNull<number>('integer', { description: 'null: never' }),
  retention: Type.Object({
    runs: Type.Integer(),
    days: Type.Integer(),
    history_runs: Type.Integer(),
    history_days: Type.Integer(),
  }),
}
