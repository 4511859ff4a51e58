import { type Json, jobNamed } from './api.ts'
import type { Context } from './context.ts'
import { spanOf, whenOf } from './show.ts'

const dayMs = 86_400_000
const slotsShown = 5

/** The story of a job's last slots and of its wake-up, in sentences. */
export async function explainJob(context: Context, name: string) {
  const api = await context.api()
  const job = await jobNamed(api, name)
  const [arm, ledger, { runs }] = await Promise.all([
    api.call('GET', `/api/jobs/${job.id}/arm`),
    api.call('GET', `/api/jobs/${job.id}/slots?from=${new Date(Date.now() - 7 * dayMs).toISOString()}`),
    api.call('GET', `/api/jobs/${job.id}/runs?limit=20`),
  ])
  const story = storyOf(job, arm, ledger.slots, runs)
  context.show(
    { job: job.id, story, arm, slots: ledger.slots.slice(-slotsShown), runs },
    () => `${story.join('\n')}\n`,
  )
}

/** Pure, so that each sentence can be tested. */
export function storyOf(job: Json, arm: Json, slots: Json[], runs: Json[], now = Date.now()): string[] {
  const byId = new Map(runs.map((run) => [run.id, run]))
  const told = slots.slice(-slotsShown).map((slot) => slotLine(slot, byId.get(slot.run_id), now))
  const extra = runs.filter(({ slot }) => slot === null).slice(0, 2)
  return [
    stateLine(job, now),
    ...(told.length > 0 ? ['Its last slots:', ...told.toReversed()] : ['No slot has come in the last week.']),
    ...extra.map(
      (run) =>
        `  Started by ${run.trigger === 'manual' ? 'hand' : run.trigger} ${whenOf(run.started_at, now)}: ${endOf(run)}`,
    ),
    armLine(arm, now),
    ...(job.failure_streak > 1 ? [`It has failed ${job.failure_streak} times in a row.`] : []),
    ...(job.tells_nobody ? ['If it fails, nobody is told: name a channel in `deliver`.'] : []),
  ]
}

function stateLine(job: Json, now: number): string {
  const head = `"${job.name}" (${job.key ?? job.id}), ${job.schedule_display} in ${job.timezone},`
  if (job.state === 'paused')
    return `${head} has been paused since ${job.paused_at}${job.paused_reason ? `: ${job.paused_reason}` : ''}${job.resume_at ? `. It goes on ${whenOf(job.resume_at, now)}` : ''}.`
  if (job.state === 'completed') return `${head} is finished: no slot is left.`
  if (job.state === 'error')
    return `${head} has stopped, because its schedule cannot be evaluated: ${job.last_error}`
  return job.next_run_at === null
    ? `${head} is started by another job.`
    : `${head} is due ${whenOf(job.next_run_at, now)}, at ${job.next_run_at}.`
}

function slotLine({ slot, verdict, reason }: Json, run: Json, now: number): string {
  const why = reason ? `: ${reason}` : ''
  return `  ${slot} (${whenOf(slot, now)}) ${verdict}${run ? `, ${endOf(run)}` : why}`
}

function endOf(run: Json): string {
  const took = run.duration_ms === null ? '' : ` after ${spanOf(run.duration_ms)}`
  const late = run.lateness_ms > 5_000 ? `, ${spanOf(run.lateness_ms)} late` : ''
  const tries = run.attempts.length > 1 ? `, in ${run.attempts.length} attempts` : ''
  const why = run.error ? `: ${run.error.message} (${run.error.code}); see \`chronos logs ${run.id}\`` : ''
  return `${run.state}${took}${late}${tries}${why}`
}

function armLine(arm: Json, now: number): string {
  if (arm.trigger === 'builtin') return 'The service itself waits for it; no timer outside holds a wake-up.'
  if (arm.wake_at === null) return 'It needs no wake-up.'
  if (arm.armed) return `The timer service holds its wake-up, ${whenOf(arm.wake_at, now)}.`
  const since = arm.owed_since ? ` since ${arm.owed_since}` : ''
  return `Its wake-up is NOT confirmed by the timer service${since}${arm.last_error ? `: ${arm.last_error}` : '.'}`
}
