import type { Held } from './timers/outside.ts'
import type { World } from './world.ts'
import { anyJob } from './client.ts'

/**
 * NAS may cut what is finer than a second, and QStash knows whole seconds only. Both cut to earlier, so what is armed is
 * never later than what is wanted; it may be a second before it.
 */
const toleranceMs = 1_000

type Row = {
  job_id: string
  wake_at: Date | null
  wake_gen: number
  armed_gen: number
  armed_at: Date | null
  armed_schedule: string | null
  /** The wake time is that of a further attempt, or of a further try to deliver. */
  is_retry: boolean
  /** It runs because of a delivery that is not told as done: the process that takes that up again makes its wake-up sure. */
  is_being_started: boolean
}

/** RUN_LEASE_MS of the torture's machines, and the margin behind it. */
const leaseMs = 62_000

/**
 * Safety, whenever no process is up: of every job whose last change was promised, the timer holds a one-shot that is not
 * after its wake time, or owes a retry. Otherwise nothing would ever wake a process for it.
 *
 * A further attempt (of a run, of a delivery) is no one's promise: where the process dies between the failure and its
 * arm, the watchdog of the attempt before stands, and the next one is late by a lease at most.
 */
export async function checkAsleep(world: World): Promise<void> {
  if (world.unpromised.has(anyJob)) return
  const held = await world.outside.held()
  for (const row of await registry(world)) {
    if (world.unpromised.has(row.job_id) || !row.wake_at || row.is_being_started) continue
    const latestMs = row.wake_at.getTime() + (row.is_retry ? leaseMs : 0)
    const arms = held.filter(({ jobId, isWaiting }) => jobId === row.job_id && isWaiting)
    const soonMs = Math.max(latestMs, world.now().getTime()) + toleranceMs
    if (arms.some(({ tries, fireAt }) => tries > 0 || fireAt.getTime() <= soonMs)) continue
    world.problems.push(
      `asleep at ${world.now().toISOString()}: job ${row.job_id} wants ${row.wake_at.toISOString()}, ${world.outside.title} holds ${shown(arms)}`,
    )
  }
}

/**
 * At the end, when all is quiet: the timer holds what Postgres says it confirmed, not after what Postgres wants, and
 * nothing of a job that is gone or wants nothing. Where a process died between the answer of the timer and the note of
 * it, the note is owed until the next wake; what the timer holds must be right all the same.
 *
 * `deaths`: of processes, in this world.
 */
export async function checkArms(world: World, { deaths }: { deaths: number }): Promise<void> {
  const { outside } = world
  const listed = Map.groupBy(
    (await outside.held()).filter(({ isListed }) => isListed),
    ({ jobId }) => jobId,
  )
  const say = (what: string) => world.problems.push(what)
  const excused = needless(world, deaths)
  for (const row of await registry(world)) {
    const arms = listed.get(row.job_id) ?? []
    listed.delete(row.job_id)
    if (world.unpromised.has(row.job_id) || world.unpromised.has(anyJob)) continue
    const wanted = row.wake_at && wakeUpOf(row, arms)
    const others = arms.filter((arm) => arm !== wanted)
    if (others.length > excused)
      say(`job ${row.job_id}: ${deaths} deaths, and ${outside.title} holds ${shown(others)} needlessly`)
    if (row.wake_at) judgeWakeUp(row, row.wake_at, { wanted: wanted ?? null, title: outside.title, say })
  }
  for (const [jobId, arms] of listed)
    if (arms.length > excused) say(`${outside.title} holds ${shown(arms)} for job ${jobId}, which is gone`)
}

/**
 * How many wake-ups of one job may be held beside the one that it needs, or after it is gone.
 *
 * A timer that holds one wake-up for each job: none. Where each stands for itself: one for each death, of a process that
 * had made it and not noted it, or noted it and not deleted the one before; and one for each answer that was lost, for
 * the next try makes another: Cloud Tasks takes no name twice, and QStash no deduplication id within ten minutes. Each
 * costs a wake that finds nothing due.
 */
export function needless({ outside }: World, deaths: number): number {
  return outside.isOnePerJob ? 0 : deaths + outside.lostAnswers()
}

/** The one that is noted for the newest wake time, else the earliest. */
function wakeUpOf({ armed_gen, wake_gen, armed_schedule }: Row, arms: Held[]): Held | undefined {
  const noted = armed_gen === wake_gen && arms.find(({ scheduleId }) => scheduleId === armed_schedule)
  return noted || arms.toSorted((a, b) => a.fireAt.getTime() - b.fireAt.getTime())[0]
}

type Judging = { wanted: Held | null; title: string; say: (what: string) => void }

function judgeWakeUp(row: Row, wakeAt: Date, { wanted, title, say }: Judging) {
  const wants = `job ${row.job_id} wants ${wakeAt.toISOString()}, ${title} holds`
  const isNoted = row.armed_gen === row.wake_gen
  if (!wanted) return say(`${wants} nothing`)
  const { fireAt } = wanted
  if (fireAt.getTime() > wakeAt.getTime() + toleranceMs) return say(`${wants} ${fireAt.toISOString()}`)
  if (isNoted && Math.abs(fireAt.getTime() - (row.armed_at?.getTime() ?? 0)) > toleranceMs)
    say(
      `job ${row.job_id}: ${row.armed_at?.toISOString()} is noted as armed, ${title} holds ${fireAt.toISOString()}`,
    )
}

function shown(arms: Held[]): string {
  return arms.map(({ fireAt }) => fireAt.toISOString()).join(', ') || 'nothing'
}

async function registry({ database }: World): Promise<Row[]> {
  return database.sql<Row[]>`
    select job_id, wake_at, wake_gen::int as wake_gen, armed_gen::int as armed_gen, armed_at, armed_schedule,
      exists (select from runs u where u.job_id = r.job_id and u.finished_at is null and u.attempt_due_at = r.wake_at)
        or exists (select from deliveries d where d.job_id = r.job_id and d.due_at = r.wake_at) as is_retry,
      exists (select from deliveries d join runs u on u.id = d.id where u.job_id = r.job_id and d.state = 'pending') as is_being_started
    from job_runtime r order by job_id`
}
