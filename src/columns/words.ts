/** The words that columns hold. `db/migrations` has them in its checks. */

export const jobStates = ['scheduled', 'paused', 'completed', 'error'] as const
export type JobState = (typeof jobStates)[number]

export const liveStates = ['claimed', 'running', 'waiting'] as const
export const troubleStates = ['failed', 'timed_out', 'interrupted'] as const
export const endStates = ['succeeded', ...troubleStates, 'cancelled', 'skipped'] as const
/** What receivers, followers and filters name in one word. */
export const outcomeGroups = { success: ['succeeded'], failure: troubleStates } as const
export const runStates = [...liveStates, ...endStates] as const
export type RunState = (typeof runStates)[number]
export type LiveState = (typeof liveStates)[number]
export type TerminalState = (typeof endStates)[number]

export const triggers = ['fire', 'manual', 'catch_up', 'builtin', 'retry', 'after'] as const
export type Trigger = (typeof triggers)[number]

/** A finished attempt of a run, as it is kept in the run's row. */
export type Attempt = {
  attempt: number
  fence: number
  state: TerminalState
  started_at: string | null
  finished_at: string
  error: { code: string; message: string } | null
}

/** A schedule as `jobs.schedule` keeps it: the text, and its parsed form. */
export type StoredSchedule = { text: string; display: string } & (
  | { kind: 'cron' | 'calendar' | 'rules'; expr: string }
  | { kind: 'interval'; every_ms: number; from?: string }
  | { kind: 'once'; run_at: string }
  | { kind: 'after' }
)

/** An action as its author wrote it, defaults filled in; its type decides about the other fields. */
export type StoredAction = { type: string; [field: string]: unknown }
