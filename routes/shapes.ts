import {
  type ArmRow,
  type ListedChannel,
  type ListedJob,
  type ListedRun,
  type Look,
  storeSchedule,
  type Surroundings,
} from '../db/index.ts'
import { jobColumns, runColumns, runtimeColumns } from '../src/columns/index.ts'
import { readSteps, type Schedule, type UpcomingSlot } from '../src/schedule/index.ts'
import type { RouteNeeds } from './needs.ts'
import { shownBy } from './columns.ts'
import { withoutCredentials } from './credentials.ts'
import { policyBody } from './policy.ts'
import { tellsNobodyOf } from './warnings.ts'

/** The context for showing a job. `showsAll`: the caller may write jobs, and so read what is masked for others. */
export type Showing = {
  isArmed: RouteNeeds['isArmed']
  trigger: RouteNeeds['trigger']
  channels: ListedChannel[]
  showsAll: boolean
}

const shownOfJob = shownBy(jobColumns)
const shownOfRuntime = shownBy(runtimeColumns)
const shownOfRun = shownBy(runColumns)

/** A job as clients see it; the names are fixed, other programs read them. */
export function jobBody(
  { authored, runtime, registry, latestRun, deliveryError }: ListedJob,
  { isArmed, trigger, channels, showsAll }: Showing,
) {
  const { schedule, repeatTimes, action } = authored
  const model = action.type === 'prompt' ? action['model'] : undefined
  const isActive = runtime.state !== 'paused' && runtime.state !== 'completed'
  const { id, name, ...shown } = shownOfJob(authored)
  return {
    id,
    name,
    schedule: scheduleBody(schedule),
    schedule_display: schedule.display,
    after: authored.after,
    ...shown,
    ...shownOfRuntime(runtime),
    skill: authored.skills[0] ?? null,
    model: typeof model === 'string' ? model : null,
    provider: null,
    origin: null,
    tells_nobody: tellsNobodyOf(authored, channels),
    action: showsAll ? action : withoutCredentials(action),
    enabled: isActive,
    // one that was stopped because nothing can be decided about it has no slot to look forward to
    next_run_at: runtime.state === 'scheduled' ? iso(runtime.nextSlot) : null,
    latest_execution: latestRun && {
      id: latestRun.id,
      status: latestRun.state,
      started_at: iso(latestRun.startedAt),
      finished_at: iso(latestRun.finishedAt),
      error: errorText(latestRun),
    },
    last_delivery_error: deliveryError,
    repeat: { times: schedule.kind === 'once' ? 1 : repeatTimes, completed: runtime.slotsUsed },
    armed: isArmed(registry),
    trigger: trigger(),
    ...policyBody(authored.policy),
  }
}

export function fromLook(look: Look, surroundings: Surroundings): ListedJob {
  return { authored: look.authored, runtime: look.view.runtime, registry: look.registry, ...surroundings }
}

/** As `last_error` of a job; null: there is none. */
export function errorText({ errorCode, errorMessage }: Pick<ListedRun, 'errorCode' | 'errorMessage'>) {
  return errorCode === null ? null : `${errorCode}: ${errorMessage ?? ''}`
}

type StoredSchedule = ListedJob['authored']['schedule']

function scheduleBody(schedule: StoredSchedule) {
  const { kind, display } = schedule
  if (kind === 'once') return { kind, run_at: new Date(schedule.run_at).toISOString(), display }
  if (kind === 'after') return { kind, display }
  if (kind === 'interval') {
    const { every_ms, from } = schedule
    return { kind, every_ms, ...wholeMinutes(every_ms), ...(from !== undefined && { from }), display }
  }
  return { kind, expr: schedule.expr, ...stepsIn(schedule.expr), display }
}

/** A schedule that was parsed and is not stored. */
export function parsedScheduleBody(schedule: Schedule) {
  return scheduleBody(storeSchedule(schedule, ''))
}

/** Of calendar steps; empty for cron. */
function stepsIn(expr: string) {
  return readSteps(expr) ?? {}
}

/** Clients read `minutes` as a whole number; a period that is none has `every_ms` only. */
function wholeMinutes(everyMs: number): { minutes?: number } {
  return everyMs % 60_000 === 0 ? { minutes: everyMs / 60_000 } : {}
}

export function upcomingBody(slots: UpcomingSlot[]) {
  const upcoming = slots.map(({ at, local, offset_change: change }) => ({
    at: at.toISOString(),
    local,
    ...(change && { offset_change: { ...change, at: change.at.toISOString() } }),
  }))
  return { next: upcoming.map(({ at }) => at), upcoming }
}

export function runBody(run: ListedRun) {
  const { slot, startedAt, finishedAt, errorCode, errorMessage } = run
  const { id, job_id, ...shown } = shownOfRun(run)
  return {
    id,
    job_id,
    job_name: run.jobName,
    project: run.project,
    ...shown,
    // it says so only as long as the run has not begun
    waiting_since: run.state === 'claimed' ? shown.waiting_since : null,
    duration_ms: startedAt && finishedAt && finishedAt.getTime() - startedAt.getTime(),
    lateness_ms: startedAt && slot && startedAt.getTime() - slot.getTime(),
    error: errorCode === null ? null : { code: errorCode, message: errorMessage ?? '' },
    skipped_reason: run.state === 'succeeded' ? run.reason : null,
    output_cut: run.isOutputCut,
  }
}

export function armBody(
  { authored, registry }: Look,
  history: ArmRow[],
  { isArmed, trigger }: Pick<RouteNeeds, 'isArmed' | 'trigger'>,
) {
  const { wakeAt, armedAt } = registry
  const isOwed = registry.armedGen < registry.wakeGen
  const arms = history.map(provisionBody)
  return {
    job_id: authored.id,
    armed: isArmed(registry),
    trigger: trigger(),
    wake_at: iso(wakeAt),
    wake_changed_at: registry.wakeChangedAt.toISOString(),
    armed_at: iso(armedAt),
    schedule_id: registry.armedSchedule,
    drift_ms: wakeAt && armedAt && armedAt.getTime() - wakeAt.getTime(),
    owed_since: isOwed ? registry.wakeChangedAt.toISOString() : null,
    last_error: registry.armError,
    failing_since: iso(registry.armFailedAt),
    last_provision: arms[0] ?? null,
    history: arms,
  }
}

function provisionBody(arm: ArmRow) {
  return {
    asked_at: arm.askedAt.toISOString(),
    fire_at: iso(arm.fireAt),
    outcome: arm.outcome,
    schedule_id: arm.scheduleId,
    took_ms: arm.tookMs,
    error: arm.errorCode === null ? null : { code: arm.errorCode, message: arm.error ?? '' },
  }
}

function iso(instant: Date | null): string | null {
  return instant && instant.toISOString()
}
