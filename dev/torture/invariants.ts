import type { World } from './world.ts'
import { anyJob } from './client.ts'

/** NAS may cut what is finer than a second. */
const toleranceMs = 1_000

type Row = {
  job_id: string
  wake_at: Date | null
  wake_gen: number
  armed_gen: number
  armed_at: Date | null
  /** The wake time is that of a further attempt, or of a further try to deliver. */
  is_retry: boolean
  /** It runs because of a delivery that is not told as done: the process that takes that up again makes its wake-up sure. */
  is_being_started: boolean
}

/** RUN_LEASE_MS of the torture's machines, and the margin behind it. */
const leaseMs = 62_000

/**
 * Safety, whenever no process is up: of every job whose last change was promised, NAS holds a one-shot that is not
 * after its wake time, or owes a retry. Otherwise nothing would ever wake a process for it.
 *
 * A further attempt (of a run, of a delivery) is no one's promise: where the process dies between the failure and its
 * arm, the watchdog of the attempt before stands, and the next one is late by a lease at most.
 */
export async function checkAsleep(world: World): Promise<void> {
  if (world.unpromised.has(anyJob)) return
  for (const row of await registry(world)) {
    if (world.unpromised.has(row.job_id) || !row.wake_at || row.is_being_started) continue
    const latestMs = row.wake_at.getTime() + (row.is_retry ? leaseMs : 0)
    const arms = world.nas.held().filter((arm) => arm.job_id === row.job_id && arm.state === 'waiting')
    const isHeld = arms.some(
      (arm) =>
        arm.tries > 0 || Date.parse(arm.fire_at) <= Math.max(latestMs, world.now().getTime()) + toleranceMs,
    )
    if (isHeld) continue
    const found = arms.map((arm) => arm.fire_at).join(', ') || 'nothing'
    world.problems.push(
      `asleep at ${world.now().toISOString()}: job ${row.job_id} wants ${row.wake_at.toISOString()}, NAS holds ${found}`,
    )
  }
}

/**
 * At the end, when all is quiet: NAS holds what Postgres says it confirmed, not after what Postgres wants, and nothing
 * of a job that is gone or wants nothing. Where a process died between the answer of NAS and the note of it, the note
 * is owed until the next wake; what NAS holds must be right all the same.
 */
export async function checkArms(world: World): Promise<void> {
  const listed = new Map(world.nas.armed().map((arm) => [arm.job_id, arm.fire_at]))
  const say = (what: string) => world.problems.push(what)
  for (const row of await registry(world)) {
    const arm = listed.get(row.job_id)
    listed.delete(row.job_id)
    if (world.unpromised.has(row.job_id) || world.unpromised.has(anyJob)) continue
    const isNoted = row.armed_gen === row.wake_gen
    if (!row.wake_at) {
      if (arm) say(`job ${row.job_id} wants no wake-up, NAS holds ${arm}`)
      continue
    }
    if (!arm) say(`job ${row.job_id} wants ${row.wake_at.toISOString()}, NAS holds nothing`)
    else if (Date.parse(arm) > row.wake_at.getTime() + toleranceMs)
      say(`job ${row.job_id} wants ${row.wake_at.toISOString()}, NAS holds ${arm}`)
    else if (isNoted && Math.abs(Date.parse(arm) - (row.armed_at?.getTime() ?? 0)) > toleranceMs)
      say(`job ${row.job_id}: ${row.armed_at?.toISOString()} is noted as armed, NAS holds ${arm}`)
  }
  for (const [jobId, fireAt] of listed) say(`NAS holds ${fireAt} for job ${jobId}, which is gone`)
}

async function registry({ database }: World): Promise<Row[]> {
  return database.sql<Row[]>`
    select job_id, wake_at, wake_gen::int as wake_gen, armed_gen::int as armed_gen, armed_at,
      exists (select from runs u where u.job_id = r.job_id and u.finished_at is null and u.attempt_due_at = r.wake_at)
        or exists (select from deliveries d where d.job_id = r.job_id and d.due_at = r.wake_at) as is_retry,
      exists (select from deliveries d join runs u on u.id = d.id where u.job_id = r.job_id and d.state = 'pending') as is_being_started
    from job_runtime r order by job_id`
}
