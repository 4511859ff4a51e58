import { type Columns, clockMicros, clock, having, is } from './column.ts'
import { type Attempt, runStates, triggers } from './words.ts'

/** Table `runs`. */
export const runColumns = {
  id: { sql: 'uuid', set: 'once', look: true, shown: {} },
  /** The order of runs: the time of the claim. Two may be equal; then `id` tells. */
  seq: { sql: 'bigint', default: clockMicros, set: 'statement' },
  jobId: { sql: 'text', set: 'statement', shown: {} },
  slot: { sql: 'timestamptz', nullable: true, set: 'once', look: true, shown: {} },
  trigger: { sql: 'text', oneOf: triggers, set: 'once', look: true, shown: {} },
  state: { sql: 'text', oneOf: runStates, set: 'always', look: true, shown: {} },
  reason: { sql: 'text', nullable: true, set: 'always', shown: {} },
  fence: { sql: 'bigint', set: 'always', look: true },
  /** The attempt held or made last; 0 while a queued run waits for its first. */
  attempt: { sql: 'integer', default: 0, set: 'always', look: true, shown: {} },
  /** Those that have ended. In the table empty if the only one ended with the run, whose columns tell it then (db/attempts.ts). */
  attempts: { sql: 'jsonb', is: is<Attempt[]>(), default: [], set: 'always', look: true, shown: {} },
  /** Who holds the lease: machine id : boot id. */
  owner: { sql: 'text', nullable: true, set: 'statement', look: true },
  leaseUntil: { sql: 'timestamptz', nullable: true, set: 'statement', look: true },
  attemptDueAt: { sql: 'timestamptz', nullable: true, set: 'always', look: true },
  claimedAt: { sql: 'timestamptz', default: clock, set: 'statement', shown: {} },
  startedAt: { sql: 'timestamptz', nullable: true, set: 'statement', look: true, shown: {} },
  finishedAt: { sql: 'timestamptz', nullable: true, set: 'statement', shown: {} },
  input: { sql: 'jsonb', nullable: true, set: 'once', look: true, shown: {} },
  errorCode: { sql: 'text', nullable: true, set: 'always' },
  errorMessage: { sql: 'text', nullable: true, set: 'always' },
  output: { sql: 'text', nullable: true, set: 'statement', shown: {} },
  usage: {
    sql: 'jsonb',
    is: is<Record<string, unknown>>(),
    nullable: true,
    set: 'outcome',
    shown: { description: 'what the attempt used, such as tokens; null where nothing is known' },
  },
  callbackUntil: {
    sql: 'timestamptz',
    nullable: true,
    set: 'always',
    look: true,
    shown: { description: 'by when the target has to report' },
  },
  waitingSince: {
    sql: 'timestamptz',
    nullable: true,
    set: 'statement',
    shown: { description: 'since when a claimed run has no place in its process (MAX_CONCURRENT_RUNS)' },
  },
} as const satisfies Columns

/** What every look has of a live run. */
export const liveRunColumns = having(runColumns, 'look')

/** The columns of a run that a decision sets: the rest is computed by the statement that writes it. */
export const writtenRunColumns = having(runColumns, 'set', 'once', 'always', 'outcome')

/** The details of an attempt's outcome beside its state. */
export const outcomeColumns = having(runColumns, 'set', 'outcome')
