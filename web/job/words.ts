import { durationText, instantText, relativeText } from '../parts/when.tsx'
import { counted, countText } from '../parts/count.ts'
import type { Arm, Job } from '../types.ts'

/** The schedule as a text that can be read again; null for a job that only follows another one. */
export function scheduleText({ schedule }: Pick<Job, 'schedule'>): string | null {
  if (schedule.kind === 'cron') return schedule.expr ?? schedule.display
  if (schedule.kind === 'once') return schedule.run_at ?? schedule.display
  return schedule.kind === 'interval' ? schedule.display : null
}

export type ArmTry = {
  asked_at: string
  fire_at: string | null
  outcome: string
  took_ms: number | null
  error: { code: string; message: string } | null
}

const underWayMs = 60_000

/** Its arm has failed, or takes longer than the service takes for usual. */
export function isLate({ owed_since, last_error }: Arm): boolean {
  if (!owed_since) return false
  return Boolean(last_error) || Date.now() - Date.parse(owed_since) >= underWayMs
}

/** Where the wake-up of a job is held, as a sentence. */
export function armSentence(arm: Arm, job: Job): string {
  if (arm.trigger === 'builtin')
    return arm.wake_at
      ? `This service waits for ${clockOf(arm.wake_at)} itself, so its process stays up.`
      : 'It needs no wake-up: nothing is to come.'
  if (arm.owed_since && !isLate(arm))
    return `The wake-up for ${clockOf(arm.wake_at)} is under way to the timer service (${arm.trigger}), and not confirmed yet.`
  if (arm.owed_since)
    return `The wake-up for ${clockOf(arm.wake_at)} has been owed since ${clockOf(arm.owed_since)} (${relativeText(arm.owed_since)}): ${
      arm.last_error ?? 'the timer service has not answered yet'
    }.`
  if (!arm.armed_at) return 'Nothing is held, because nothing is to come.'
  return `The timer service (${arm.trigger}) holds ${clockOf(arm.armed_at)}${confirmed(arm, job)}.`
}

function confirmed({ history }: Arm, { latest_execution: latest }: Job): string {
  const newest = (history as ArmTry[]).find(({ error }) => error === null)
  if (!newest) return ''
  const at = Date.parse(newest.asked_at) + (newest.took_ms ?? 0)
  const endedAt = Date.parse(latest?.finished_at ?? '')
  if (at >= endedAt && at - endedAt < 3_600_000)
    return `; it was confirmed ${durationText(at - endedAt)} after the last run`
  return `; it was confirmed ${relativeText(new Date(at))}`
}

const clockOf = (at: string | null) => (at ? instantText(at, { seconds: true }) : 'nothing')

const overlaps = {
  skip: 'A slot that comes while a run is live is skipped.',
  queue: 'A slot that comes while a run is live waits for its turn.',
  cancel_running: 'A slot that comes while a run is live cancels that run.',
} as Record<string, string>

const ends = { failed: 'fails', timed_out: 'takes too long', interrupted: 'is interrupted' } as Record<
  string,
  string
>

/** What holds for the runs of a job, sentence by sentence. */
export function policySentences(job: Job): string[] {
  const { retry, retention } = job
  return [
    retry.attempts === 1
      ? 'A run that fails is not tried again.'
      : `A run that ${retry.on.map((end) => ends[end]).join(' or ')} is tried ${retry.attempts} times in all, after ${
          retry.backoff
        } waits of ${durationText(retry.delay_ms)} to ${durationText(retry.max_delay_ms)}.`,
    job.overlap === 'allow'
      ? `Up to ${counted(job.max_live, 'run')} may be live side by side.`
      : (overlaps[job.overlap] ?? `Overlap: ${job.overlap}.`),
    job.catch_up === 'none'
      ? 'Slots that passed while nothing could run are missed.'
      : job.catch_up === 'latest'
        ? 'Of slots that passed while nothing could run, the latest still runs.'
        : `Slots that passed while nothing could run still run, up to ${job.catch_up_max}.`,
    job.deadline_ms === null
      ? 'A slot is missed when it is too late for its period.'
      : `A slot that is more than ${durationText(job.deadline_ms)} late is missed.`,
    job.timeout_ms === null
      ? "An attempt may take as long as its action's own limit."
      : `An attempt may take ${durationText(job.timeout_ms)}.`,
    job.jitter_ms > 0 && `Runs begin up to ${durationText(job.jitter_ms)} after their slots.`,
    job.starts_at && `Slots count from ${instantText(job.starts_at)}.`,
    job.ends_at && `Slots count until ${instantText(job.ends_at)}.`,
    job.repeat.times !== null &&
      `It runs ${counted(job.repeat.times, 'time')}; ${countText(job.repeat.completed)} so far.`,
    job.pause_after === null
      ? 'It goes on however often it fails.'
      : `It pauses itself after ${counted(job.pause_after, 'failure')} in a row.`,
    `Logs and outputs are kept for ${counted(retention.days, 'day')} and ${counted(retention.runs, 'run')}; history for ${counted(
      retention.history_days,
      'day',
    )} and ${counted(retention.history_runs, 'run')}.`,
  ].filter((one) => typeof one === 'string')
}
