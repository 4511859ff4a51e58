import type { Failure, JobDay, Strip } from '../db/index.ts'
import { isoDay } from '../src/ground/instant.ts'
import { stripSlots, stripSums } from '../src/jobs/strip.ts'
import type { Lane } from '../src/jobs/timeline.ts'

export function laneBody({
  id,
  project,
  name,
  tags,
  rule,
  state,
  wakeAt,
  isOwed,
  expectedMs,
  slots,
  live,
  ...lane
}: Lane) {
  return {
    ...{ job_id: id, project, name, timezone: rule.zone, tags },
    ...{ state, wake_at: wakeAt.toISOString(), owed: isOwed, expected_ms: expectedMs },
    slots: slots.map(({ at, verdict, overlaps, run }) => ({
      ...{ at: at.toISOString(), verdict, overlaps },
      ...{ run_id: run?.id ?? null, run_state: run?.state ?? null },
    })),
    more: lane.hasMore,
    live: live.map((run) => ({
      ...{ run_id: run.id, state: run.state, slot: iso(run.slot) },
      ...{ started_at: iso(run.startedAt), waiting_since: iso(run.waitingSince) },
    })),
    clock_changes: lane.clockChanges.map(({ at, from, to }) => ({ at: at.toISOString(), from, to })),
  }
}

export function stripBody(strip: Strip) {
  const { runs, successRate, p50Ms, p95Ms } = stripSums(strip.runs)
  return {
    job_id: strip.jobId,
    next_run_at: iso(strip.nextSlot),
    slots: stripSlots(strip).map(({ slot, runId, ...rest }) => ({
      ...{ slot: slot.toISOString(), run_id: runId },
      ...rest,
    })),
    ...{ runs, success_rate: successRate, p50_ms: p50Ms, p95_ms: p95Ms },
  }
}

export function dayBody({ day, runs, slots, attempts, tokens, costUsd, durationMs, latenessMs }: JobDay) {
  return {
    day: isoDay(day),
    ...slots,
    ...{ runs, attempts },
    ...{ duration_p50_ms: durationMs.p50, duration_p95_ms: durationMs.p95 },
    ...{ lateness_p50_ms: latenessMs.p50, lateness_p95_ms: latenessMs.p95 },
    ...{ tokens_in: tokens.input, tokens_out: tokens.output, cost_usd: costUsd },
  }
}

export function failureBody({ code, cause, count, jobs, jobCount, ...rest }: Failure) {
  return {
    ...{ code, cause, count },
    ...{
      first_at: rest.firstAt.toISOString(),
      last_at: rest.lastAt.toISOString(),
      last_run_id: rest.lastRunId,
      last_message: rest.lastMessage,
    },
    jobs: jobs.map(({ jobId, ...job }) => ({ job_id: jobId, ...job })),
    job_count: jobCount,
  }
}

function iso(instant: Date | null): string | null {
  return instant && instant.toISOString()
}
