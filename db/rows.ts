import type {
  Attempt,
  JobRule,
  LiveRun,
  PendingDelivery,
  Registry,
  Runtime,
  Trigger,
  View,
} from '../src/decisions/index.ts'
import { policyFrom } from '../src/decisions/index.ts'
import type { Schedule } from '../src/schedule/index.ts'

/** A schedule as `jobs.schedule` keeps it: what was typed, and what it was read as. */
export type StoredSchedule = { text: string; display: string } & (
  | { kind: 'cron'; expr: string }
  | { kind: 'interval'; every_ms: number }
  | { kind: 'once'; run_at: string }
  | { kind: 'after' }
)

/** What a person set of a job: the row of `jobs`. Instants are Dates, zones IANA names. */
export type Authored = {
  id: string
  name: string
  schedule: StoredSchedule
  timezone: string
  anchor: Date
  prompt: string | null
  skills: string[]
  deliver: unknown
  action: { type: string; [field: string]: unknown }
  policy: Record<string, unknown>
  repeatTimes: number | null
  tags: string[]
  /** Whose outcome starts this job, and which; null: nobody's. */
  after: { job: string; on: string[] } | null
  version: number
  createdAt: Date
  updatedAt: Date
}

export type RegistryDetail = Registry & {
  wakeChangedAt: Date
  armedSchedule: string | null
  armError: string | null
  armFailedAt: Date | null
}

/** One snapshot of a job: what was set, what it is in, and all that decides about it. */
export type Look = { authored: Authored; view: View; registry: RegistryDetail }

export type Row = Record<string, unknown>

export function readLook(row: Row): Look {
  const authored = readAuthored(row)
  const registry = readRegistry(row)
  const view = {
    job: ruleOf(authored),
    runtime: readRuntime(row),
    registry,
    live: (row['live'] as Row[]).map(readLive),
    deliveries: (row['deliveries'] as Row[]).map(readDelivery),
    channels: row['channels'] as View['channels'],
    dependents: row['dependents'] as View['dependents'],
    now: date(row['now']),
  }
  return { authored, view, registry }
}

/** The rule by which decisions are made about an authored job. */
export function ruleOf(authored: Authored): JobRule {
  const { id, timezone, anchor, repeatTimes } = authored
  return {
    id,
    schedule: readSchedule(authored.schedule),
    zone: timezone,
    anchor,
    repeatTimes,
    policy: policyFrom(authored.policy),
    deliver: authored.deliver,
    after: authored.after,
  }
}

function readSchedule(stored: StoredSchedule): Schedule {
  const { display } = stored
  if (stored.kind === 'cron') return { kind: 'cron', expr: stored.expr, display }
  if (stored.kind === 'interval') return { kind: 'interval', everyMs: stored.every_ms, display }
  if (stored.kind === 'after') return { kind: 'after', display }
  return { kind: 'once', runAt: new Date(stored.run_at), display }
}

export function storeSchedule(schedule: Schedule, text: string): StoredSchedule {
  const { display } = schedule
  if (schedule.kind === 'cron') return { kind: 'cron', text, display, expr: schedule.expr }
  if (schedule.kind === 'interval') return { kind: 'interval', text, display, every_ms: schedule.everyMs }
  if (schedule.kind === 'after') return { kind: 'after', text, display }
  return { kind: 'once', text, display, run_at: schedule.runAt.toISOString() }
}

export function readAuthored(row: Row): Authored {
  return {
    id: row['id'] as string,
    name: row['name'] as string,
    schedule: row['schedule'] as StoredSchedule,
    timezone: row['timezone'] as string,
    anchor: date(row['anchor']),
    prompt: row['prompt'] as string | null,
    skills: row['skills'] as string[],
    deliver: row['deliver'] ?? null,
    action: row['action'] as Authored['action'],
    policy: row['policy'] as Authored['policy'],
    repeatTimes: row['repeat_times'] as number | null,
    tags: row['tags'] as string[],
    after: row['after_job'] ? { job: row['after_job'] as string, on: row['after_on'] as string[] } : null,
    version: Number(row['version']),
    createdAt: date(row['created_at']),
    updatedAt: date(row['updated_at']),
  }
}

function readRuntime(row: Row): Runtime {
  return {
    rev: Number(row['rev']),
    state: row['state'] as Runtime['state'],
    nextSlot: maybeDate(row['next_slot']),
    lastSlot: maybeDate(row['last_slot']),
    slotsUsed: row['slots_used'] as number,
    fence: Number(row['fence']),
    pausedAt: maybeDate(row['paused_at']),
    pausedReason: row['paused_reason'] as string | null,
    resumeAt: maybeDate(row['resume_at']),
    failureStreak: row['failure_streak'] as number,
    lastRunAt: maybeDate(row['last_run_at']),
    lastStatus: row['last_status'] as Runtime['lastStatus'],
    lastError: row['last_error'] as string | null,
    outputHash: (row['output_hash'] as string | null | undefined) ?? null,
  }
}

function readRegistry(row: Row): RegistryDetail {
  return {
    wakeAt: maybeDate(row['wake_at']),
    wakeGen: Number(row['wake_gen']),
    wakeChangedAt: date(row['wake_changed_at']),
    armedGen: Number(row['armed_gen']),
    armedAt: maybeDate(row['armed_at']),
    armedSchedule: row['armed_schedule'] as string | null,
    armError: row['arm_error'] as string | null,
    armFailedAt: maybeDate(row['arm_failed_at']),
  }
}

/** A live run as the look statement aggregates it (JSON, so instants are text). */
function readLive(row: Row): LiveRun {
  return {
    id: row['id'] as string,
    slot: maybeDate(row['slot']),
    trigger: row['trigger'] as Trigger,
    state: row['state'] as LiveRun['state'],
    fence: Number(row['fence']),
    attempt: row['attempt'] as number,
    owner: row['owner'] as string | null,
    leaseUntil: maybeDate(row['lease_until']),
    attemptDueAt: maybeDate(row['attempt_due_at']),
    callbackUntil: maybeDate(row['callback_until']),
    startedAt: maybeDate(row['started_at']),
    attempts: row['attempts'] as Attempt[],
    input: row['input'] ?? null,
  }
}

/** A pending delivery as the look statement aggregates it, or a row of the table. */
export function readDelivery(row: Row): PendingDelivery {
  return {
    id: row['id'] as string,
    runId: row['run_id'] as string,
    target: row['target'] as PendingDelivery['target'],
    event: row['event'] as PendingDelivery['event'],
    attempt: row['attempt'] as number,
    dueAt: maybeDate(row['due_at']),
    owner: row['owner'] as string | null,
    leaseUntil: maybeDate(row['lease_until']),
  }
}

/** An instant as a column gives it (a Date) or as JSON does (text). */
export const date = (value: unknown): Date => (value instanceof Date ? value : new Date(value as string))
export const maybeDate = (value: unknown): Date | null =>
  value === null || value === undefined ? null : date(value)
