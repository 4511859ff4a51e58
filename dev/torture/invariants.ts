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
}

/**
 * Safety, whenever no process is up: of every job whose last change was promised, NAS holds a one-shot that is not
 * after its wake time, or owes a retry. Otherwise nothing would ever wake a process for it.
 */
export async function checkAsleep(world: World): Promise<void> {
  if (world.unpromised.has(anyJob)) return
  for (const row of await registry(world)) {
    if (world.unpromised.has(row.job_id) || !row.wake_at) continue
    const wakeMs = row.wake_at.getTime()
    const arms = world.nas.held().filter((arm) => arm.job_id === row.job_id && arm.state === 'waiting')
    const isHeld = arms.some(
      (arm) =>
        arm.tries > 0 || Date.parse(arm.fire_at) <= Math.max(wakeMs, world.now().getTime()) + toleranceMs,
    )
    if (isHeld) continue
    const found = arms.map((arm) => arm.fire_at).join(', ') || 'nothing'
    world.problems.push(
      `asleep at ${world.now().toISOString()}: job ${row.job_id} wants ${row.wake_at.toISOString()}, NAS holds ${found}`,
    )
  }
}

/** At the end, when all is quiet: NAS holds exactly what Postgres wants, and nothing of a job that is gone. */
export async function checkArms(world: World): Promise<void> {
  const listed = new Map(world.nas.armed().map((arm) => [arm.job_id, arm.fire_at]))
  for (const row of await registry(world)) {
    const arm = listed.get(row.job_id)
    listed.delete(row.job_id)
    if (world.unpromised.has(row.job_id) || world.unpromised.has(anyJob)) continue
    if (row.armed_gen !== row.wake_gen)
      world.problems.push(`job ${row.job_id}: generation ${row.wake_gen} is wanted, ${row.armed_gen} armed`)
    if (!row.wake_at && arm) world.problems.push(`job ${row.job_id} wants no wake-up, NAS holds ${arm}`)
    if (row.wake_at && !arm)
      world.problems.push(`job ${row.job_id} wants ${row.wake_at.toISOString()}, NAS holds nothing`)
    if (row.wake_at && arm && Math.abs(Date.parse(arm) - (row.armed_at?.getTime() ?? 0)) > toleranceMs)
      world.problems.push(`job ${row.job_id}: armed at ${row.armed_at?.toISOString()}, NAS holds ${arm}`)
  }
  for (const [jobId, fireAt] of listed)
    world.problems.push(`NAS holds ${fireAt} for job ${jobId}, which is gone`)
}

async function registry({ database }: World): Promise<Row[]> {
  return database.sql<Row[]>`
    select job_id, wake_at, wake_gen::int as wake_gen, armed_gen::int as armed_gen, armed_at from job_runtime order by job_id`
}
