import { at } from '../kit/json.ts'
import { secret } from '../kit/login.ts'
import type { MadeJob, World } from '../kit/world.ts'

/** A cron with seconds that is due at the first whole second at least `ms` from now, and then a day later. */
export function daily(ms: number): { schedule: string; slot: number } {
  const slot = Math.ceil((Date.now() + ms) / 1000) * 1000
  const due = new Date(slot)
  return { schedule: `${due.getUTCSeconds()} ${due.getUTCMinutes()} ${due.getUTCHours()} * * *`, slot }
}

/**
 * A job that is due at `slot`, soon, and then a day later. On a machine so busy that the slot has passed before the
 * job is there, another one with more time ahead.
 */
export async function dueJob(
  world: World,
  { ms = 300, place = world.target.place() } = {},
): Promise<MadeJob & { slot: number }> {
  const { schedule, slot } = daily(ms)
  const made = await world.job({ schedule }, place)
  if (at(made.answer.body, 'job.next_run_at') === new Date(slot).toISOString()) return { ...made, slot }
  await world.api.delete(`/api/jobs/${made.id}`)
  if (ms > 60_000)
    throw new Error(`a job with the schedule ${schedule} is not due at its instant: ${made.answer.text}`)
  return dueJob(world, { ms: ms * 3, place })
}

/** NAS's way to write an instant: whole seconds, with an offset. */
export function isoIn(ms: number): string {
  return iso(Date.now() + ms)
}

export function iso(instant: number): string {
  return `${new Date(instant).toISOString().slice(0, 19)}+00:00`
}

/** The same instant, written in another zone. */
export function inOtherZone(text: string): string {
  return `${new Date(Date.parse(text) + 5.5 * 3_600_000).toISOString().slice(0, -1)}+05:30`
}

/** A name that no other job has. */
export function nonce(): string {
  return secret('n').slice(2, 14)
}
