import { blankOf, type Columns, clock, having, is } from './column.ts'
import { jobStates, type StoredAction, type StoredSchedule } from './words.ts'

/** Table `jobs`: the definition by a person. */
export const jobColumns = {
  id: { sql: 'text', set: 'once', shown: {} },
  seq: { sql: 'bigint', identity: true, set: 'statement' },
  project: { sql: 'text', default: 'default', set: 'once', shown: { description: 'whose job it is' } },
  name: { sql: 'text', set: 'always', shown: {} },
  /** Chosen by people, of one job of the project alone. */
  key: {
    sql: 'text',
    nullable: true,
    set: 'always',
    shown: { description: 'chosen by people, of one job of the project alone; null where none' },
    given: {
      maxLength: 100,
      pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$',
      'x-expected': '1 to 100 letters, digits, ".", "_" and "-", the first a letter or a digit',
      description: 'chosen by people, of one job alone',
    },
  },
  schedule: { sql: 'jsonb', is: is<StoredSchedule>(), set: 'always' },
  timezone: { sql: 'text', set: 'always', shown: {} },
  anchor: { sql: 'timestamptz', set: 'always' },
  prompt: {
    sql: 'text',
    nullable: true,
    set: 'always',
    shown: {},
    given: { maxLength: 100_000, description: 'may be empty if `skills` say what to do' },
  },
  skills: { sql: 'text[]', default: [], set: 'always', shown: {} },
  deliver: { sql: 'jsonb', nullable: true, set: 'always', shown: { description: 'null where none' } },
  action: { sql: 'jsonb', is: is<StoredAction>(), set: 'always' },
  policy: { sql: 'jsonb', is: is<Record<string, unknown>>(), default: {}, set: 'always' },
  repeatTimes: { sql: 'integer', nullable: true, set: 'always' },
  tags: { sql: 'text[]', default: [], set: 'always', shown: {}, given: { maxItems: 50, maxLength: 100 } },
  afterJob: { sql: 'text', nullable: true, set: 'always' },
  afterOn: { sql: 'text[]', nullable: true, set: 'always' },
  createdAt: { sql: 'timestamptz', default: clock, set: 'statement', shown: {} },
  updatedAt: { sql: 'timestamptz', default: clock, set: 'statement', shown: {} },
  version: { sql: 'bigint', default: 1, set: 'statement', shown: {} },
} as const satisfies Columns

/** Fields that a client may send and that are stored unchanged. */
export const givenColumns = having(jobColumns, 'given')
/** Their values in a body that has none of them. */
export const nothingGiven = blankOf(givenColumns)

/** Of table `job_runtime`: the state of the job. Every decision reads and writes all of it. */
export const runtimeColumns = {
  rev: { sql: 'bigint', default: 1, set: 'statement' },
  state: { sql: 'text', oneOf: jobStates, default: 'scheduled', set: 'always', shown: {} },
  nextSlot: { sql: 'timestamptz', nullable: true, set: 'always' },
  lastSlot: { sql: 'timestamptz', nullable: true, set: 'always' },
  slotsUsed: { sql: 'integer', default: 0, set: 'always' },
  fence: { sql: 'bigint', default: 0, set: 'always' },
  lastRunAt: { sql: 'timestamptz', nullable: true, set: 'always', shown: {} },
  lastStatus: { sql: 'text', oneOf: ['ok', 'error'], nullable: true, set: 'always', shown: {} },
  lastError: { sql: 'text', nullable: true, set: 'always', shown: {} },
  pausedAt: { sql: 'timestamptz', nullable: true, set: 'always', shown: {} },
  pausedReason: { sql: 'text', nullable: true, set: 'always', shown: {} },
  resumeAt: { sql: 'timestamptz', nullable: true, set: 'always', shown: {} },
  failureStreak: { sql: 'integer', default: 0, set: 'always', shown: {} },
  /** Of the newest successful output, if a delivery asks for it. */
  outputHash: { sql: 'text', nullable: true, set: 'always' },
} as const satisfies Columns

/** Of table `job_runtime`: the arm that NAS should hold (wanted) and the last one that it confirmed (armed). */
export const registryColumns = {
  wakeAt: { sql: 'timestamptz', nullable: true, set: 'statement', look: true },
  wakeGen: { sql: 'bigint', default: 1, set: 'statement', look: true },
  wakeChangedAt: { sql: 'timestamptz', default: clock, set: 'statement', look: true },
  armedGen: { sql: 'bigint', default: 0, set: 'statement', look: true },
  armedAt: { sql: 'timestamptz', nullable: true, set: 'statement', look: true },
  armedSchedule: { sql: 'text', nullable: true, set: 'statement', look: true },
  armError: { sql: 'text', nullable: true, set: 'statement', look: true },
  armFailedAt: { sql: 'timestamptz', nullable: true, set: 'statement', look: true },
  recentArms: { sql: 'timestamptz[]', default: [], set: 'statement' },
  armLeaseBy: { sql: 'text', nullable: true, set: 'statement' },
  armLeaseUntil: { sql: 'timestamptz', nullable: true, set: 'statement' },
} as const satisfies Columns

/** Of table `job_runtime`: the claim of the next slot, decided beforehand (src/decisions/ready.ts). */
export const readyColumns = {
  /** The slot after `next_slot`; null: there is none. */
  afterSlot: { sql: 'timestamptz', nullable: true, set: 'always' },
  /** From when (inclusive) until when (exclusive) the claim may be carried out; null: nothing is decided. */
  readyFrom: { sql: 'timestamptz', nullable: true, set: 'always' },
  readyUntil: { sql: 'timestamptz', nullable: true, set: 'always' },
  /** The version of the job by whose rule it was decided. */
  readyVersion: { sql: 'bigint', nullable: true, set: 'always' },
  /** It holds as long as this is `rev`: whatever else happens to the job moves that on. */
  readyRev: { sql: 'bigint', nullable: true, set: 'statement' },
} as const satisfies Columns
