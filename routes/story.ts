import { spanOf, whenFrom } from '../src/ground/span.ts'
import { owedMs } from '../src/process/judge.ts'
import type { armBody, jobBody, runBody } from './shapes.ts'

type JobBody = ReturnType<typeof jobBody>
type RunBody = ReturnType<typeof runBody>
type Slot = { slot: Date; verdict: string; reason: string | null; runId: string | null }

type Told = {
  /** Of its project, or of everything. */
  pause: { at: Date; by: string; reason: string | null } | null
  job: JobBody
  arm: ReturnType<typeof armBody>
  /** Oldest first. */
  slots: Slot[]
  /** Newest first. */
  runs: RunBody[]
  /** Epoch milliseconds. */
  now: number
}

const startsShown = 2

/** What has become of a job lately and what it waits for, in sentences for people and agents. */
export function storyOf({ pause, job, arm, slots, runs, now }: Told): string[] {
  const byId = new Map(runs.map((run) => [run.id, run]))
  const told = slots.map((slot) => slotLine(slot, byId.get(slot.runId ?? ''), now)).toReversed()
  const starts = runs.filter(({ slot }) => slot === null).slice(0, startsShown)
  return [
    ...(pause ? [pauseLine(job, pause)] : []),
    stateLine(job, now),
    ...(told.length > 0 ? ['Its last slots:', ...told] : ['No slot has come in the last week.']),
    ...starts.map((run) => `  Started by ${starterOf(run)} ${whenFrom(run.claimed_at, now)}: ${endOf(run)}`),
    armLine(arm, now),
    ...(job.failure_streak > 1 ? [`It has failed ${job.failure_streak} times in a row.`] : []),
    ...(job.tells_nobody ? ['If it fails, nothing is sent to anyone: name a channel in `deliver`.'] : []),
  ]
}

function starterOf({ trigger }: RunBody): string {
  if (trigger === 'after') return 'another job'
  return trigger === 'retry' ? 'a repetition' : 'hand'
}

function pauseLine({ project }: JobBody, { at, by, reason }: NonNullable<Told['pause']>): string {
  const why = reason === null ? '' : `: ${reason}`
  return `No run begins: project ${project}, or everything, is paused since ${at.toISOString()}, by ${by}${why}.`
}

function stateLine(job: JobBody, now: number): string {
  const head = `"${job.name}" (${job.key ?? job.id}), ${job.schedule_display} in ${job.timezone},`
  if (job.state === 'paused') {
    const why = job.paused_reason === null ? '' : `: ${job.paused_reason}`
    const end = job.resume_at === null ? '' : `. It goes on ${whenFrom(job.resume_at, now)}`
    return `${head} has been paused since ${job.paused_at}${why}${end}.`
  }
  if (job.state === 'completed') return `${head} is finished: no slot is left.`
  if (job.state === 'error')
    return `${head} has stopped, because its schedule cannot be evaluated: ${job.last_error}`
  return job.next_run_at === null
    ? `${head} is started by another job.`
    : `${head} is due ${whenFrom(job.next_run_at, now)}, at ${job.next_run_at}.`
}

function slotLine({ slot, verdict, reason }: Slot, run: RunBody | undefined, now: number): string {
  const end = run ? `, ${endOf(run)}` : reason === null ? '' : `: ${reason}`
  return `  ${slot.toISOString()} (${whenFrom(slot.toISOString(), now)}) ${verdict}${end}`
}

const lateMs = 5_000

function endOf(run: RunBody): string {
  const took = run.duration_ms === null ? '' : ` after ${spanOf(run.duration_ms)}`
  const late = run.lateness_ms !== null && run.lateness_ms > lateMs ? `, ${spanOf(run.lateness_ms)} late` : ''
  const tries = run.attempts.length > 1 ? `, in ${run.attempts.length} attempts` : ''
  const why = run.error ? `: ${run.error.message} (${run.error.code}), run ${run.id}` : ''
  return `${run.state}${took}${late}${tries}${why}`
}

function armLine(arm: Told['arm'], now: number): string {
  if (arm.trigger === 'builtin') return 'The service itself waits for it; no timer outside holds a wake-up.'
  if (arm.wake_at === null) return 'It needs no wake-up.'
  if (arm.armed) return `The timer service holds its wake-up, ${whenFrom(arm.wake_at, now)}.`
  const owedForMs = arm.owed_since === null ? 0 : now - Date.parse(arm.owed_since)
  if (arm.last_error === null && owedForMs < owedMs.degraded)
    return `Its wake-up is under way to the timer service, for ${spanOf(owedForMs)}, and not confirmed yet.`
  const since = arm.owed_since === null ? '' : ` since ${arm.owed_since}`
  const why = arm.last_error === null ? '.' : `: ${arm.last_error}`
  return `Its wake-up is NOT confirmed by the timer service${since}${why}`
}
