import type {
  Attempt,
  Having,
  JobState,
  liveRunColumns,
  LiveState,
  outcomeColumns,
  readyColumns,
  registryColumns,
  RowOf,
  RunState,
  runtimeColumns,
  TerminalState,
  Trigger,
  writtenRunColumns,
} from '../columns/index.ts'
import type { Rule } from '../schedule/index.ts'

export type { Attempt, JobState, RunState, TerminalState, Trigger }

/** How often a run is tried again, and when. Times in milliseconds. */
export type RetryPolicy = {
  /** All attempts, the first included; 1 = retries off. */
  attempts: number
  backoff: 'fixed' | 'exponential'
  delayMs: number
  maxDelayMs: number
  on: RetryableState[]
}

/**
 * How long logs and outputs of a job's runs are kept, and how long the runs themselves: of its newest ones, and for so many
 * days, whichever is over first.
 */
export type Retention = { runs: number; days: number; historyRuns: number; historyDays: number }

/** The policies of a job. An absent key in the database means its default here. */
export type Policy = {
  retry: RetryPolicy
  /** What happens to a slot that comes while an earlier run is live. */
  overlap: 'skip' | 'queue' | 'allow' | 'cancel_running'
  /** With overlap `allow`: runs that may be live at once. */
  maxLive: number
  /** Which of the slots that passed unattended still run. */
  catchUp: 'latest' | 'all' | 'none'
  /** With catch-up `all`: how many at most, the newest ones. */
  catchUpMax: number
  /** A slot later than this is missed; null: the catch-up grace of its period. */
  deadlineMs: number | null
  timeoutMs: number | null
  leaseMs: number | null
  jitterMs: number
  /** Inclusive bounds of the slots; null: none. */
  startsAt: Date | null
  endsAt: Date | null
  /** Failures in a row after which the job pauses itself; null: never. */
  pauseAfter: number | null
  retention: Retention
}

export type RetryableState = 'failed' | 'timed_out' | 'interrupted'

/** The part of the authored job that a decision needs. */
export type JobRule = Rule & {
  id: string
  /** That of the authored job. */
  version: number
  policy: Policy
  repeatTimes: number | null
  deliver: unknown
  after: { job: string; on: string[] } | null
}

/** The runtime row, as it was read. */
export type Runtime = RowOf<typeof runtimeColumns>

/** The claim of the next slot, decided beforehand: see `readyAfter`. */
export type Ready = RowOf<Having<typeof readyColumns, 'set', 'always'>>

/** The arm that NAS should hold (wanted) and the last one that it confirmed (armed). */
export type RegistryDetail = RowOf<Having<typeof registryColumns, 'look'>>
export type Registry = Pick<RegistryDetail, 'wakeAt' | 'wakeGen' | 'armedGen' | 'armedAt'>

/**
 * A run that is not finished: leased by a process, between two attempts (`attemptDueAt`), or `waiting` for its target
 * to report how it ended (`callbackUntil`). Exactly one of the three instants is set.
 */
export type LiveRun = Omit<RowOf<typeof liveRunColumns>, 'state'> & { state: LiveState }

/** The details of an attempt's outcome beside its state. A column that it does not name keeps what an earlier attempt wrote. */
export type OutcomeColumns = {
  [Key in keyof typeof outcomeColumns]?: NonNullable<RowOf<typeof outcomeColumns>[Key]>
}

/** What a job's project says that a decision has to heed. Of a pause of everything as well. */
export type ProjectState = {
  name: string
  pausedAt: Date | null
  resumedAt: Date | null
  /** Of this minute; null: no limit. */
  runsLeft: number | null
  places: number | null
}

/** One snapshot of all that decides about a job. `now` is Postgres' clock at the read. */
export type View = {
  job: JobRule
  runtime: Runtime
  registry: Registry
  live: LiveRun[]
  deliveries: PendingDelivery[]
  /** All of them for a job that names receivers; otherwise the defaults and the pings. */
  channels: { name: string; type: string; defaultOn: string[] | null }[]
  /** The jobs that this one's outcome starts. */
  dependents: { id: string; on: string[] }[]
  /** Null: there is neither a pause nor a quota. */
  project: ProjectState | null
  now: Date
}

export type DeliveryEvent = 'success' | 'failure' | 'recovery'
/** A channel by its name, a spec as its author wrote it (secrets by reference), or a job to start. */
export type DeliveryTarget = { channel?: string; type?: string; job?: string; [field: string]: unknown }

/** A pending delivery: due at `dueAt`, or held by a process until `leaseUntil`. */
export type PendingDelivery = {
  id: string
  runId: string
  /** In full for a new delivery; as it is looked at, only its channel, type or job. */
  target: DeliveryTarget
  event: DeliveryEvent
  /** Tries begun; the number of the newest is its fence. */
  attempt: number
  dueAt: Date | null
  owner: string | null
  leaseUntil: Date | null
}

/** A delivery as a decision wants it written. `leased`: by the deciding process, for `deliveryLeaseMs`. */
export type DeliveryWrite = PendingDelivery & {
  /** The attempt that the row must still show; null: the row is new. */
  seenAttempt: number | null
  state: 'pending' | 'delivered' | 'failed'
  leased: boolean
  error: { code: string; message: string } | null
}

/** A run as a decision wants it written. `leased`: by the deciding process, from Postgres' clock at the write. */
export type RunWrite = Omit<RowOf<typeof writtenRunColumns>, 'errorCode' | 'errorMessage'> & {
  /** The fence that the row must still show; null: the row is new. */
  seenFence: number | null
  startedAt: Date | null
  leased: boolean
  error: { code: string; message: string } | null
  finished: boolean
}

/** Consecutive slots that never became a run, with one verdict. Both ends inclusive. */
export type Fold = {
  firstSlot: Date
  lastSlot: Date
  count: number
  verdict: 'skipped' | 'missed' | 'superseded' | 'cancelled'
  reason: string
}

/** The next state of a job: written whole by one compare-and-set on `View.runtime.rev`, or not at all. */
export type Decision = {
  runtime: Runtime
  runs: RunWrite[]
  folds: Fold[]
  deliveries: DeliveryWrite[]
  /** The earliest of all wake terms but the leases that this write itself takes; null: none. */
  wakeTerm: Date | null
  /** Runs whose attempt this process now holds and must carry out. */
  starts: RunWrite[]
  /** Deliveries that this process now holds and must send. */
  sends: DeliveryWrite[]
  /** Runs that this decision ended or took from their owner: a process that carries one out has to stop. */
  stops: string[]
}
