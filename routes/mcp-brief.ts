import { endOf, withEllipsis } from '../src/ground/text.ts'
import type { Json } from './mcp-tool.ts'

/** The most that one text of an answer has: an agent reads all of it. */
const mostChars = 4_000

export function cut(whole: string, { keepsEnd }: { keepsEnd: boolean }): string {
  if (whole.length <= mostChars) return whole
  return keepsEnd ? `…${endOf(whole, mostChars)}` : withEllipsis(whole, mostChars)
}

export function briefJob(found: Json): Json {
  const {
    id,
    key,
    name,
    schedule_display: schedule,
    timezone,
    state,
    next_run_at,
    last_status,
    last_error,
  } = found
  return { id, key, name, schedule, timezone, state, next_run_at, last_status, last_error }
}

export function briefSaved({ job: saved, warnings }: Json): Json {
  return { ...briefJob(saved as Json), ...(warnings !== undefined && { warnings }) }
}

export function briefRun(run: Json): Json {
  const {
    id,
    job_name: of,
    state,
    slot,
    trigger,
    started_at,
    duration_ms,
    error,
    output,
    skipped_reason,
  } = run
  const shown = typeof output === 'string' ? cut(output, { keepsEnd: false }) : output
  return { id, job: of, state, slot, trigger, started_at, duration_ms, error, skipped_reason, output: shown }
}

/** The instants of a schedule as its zone's clocks show them. */
export function localsIn(upcoming: unknown): unknown[] {
  return (upcoming as Json[]).map(({ local }) => local)
}
