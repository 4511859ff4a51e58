import { attemptsOf } from '../../db/attempts.ts'
import type { Receipt, Witness } from './effects.ts'
import type { Effect } from './oracle.ts'
import { type Answered, reportedOutput } from './reporter.ts'
import type { World } from './world.ts'

/** What became of the outcomes of one repetition. */
export type Told = {
  /** Rows of the outbox that tell a receiver, and how they ended. */
  deliveries: number
  failed: number
  /** Arrivals beyond the first at a receiver that had taken the delivery: same id, after a death. */
  twice: number
  /** Runs that another job's outcome started. */
  chained: number
  /** Reports by targets that were taken, and those that were refused (410). */
  reported: number
  refused: number
  /** Attempts whose target did not report in time. */
  timedOut: number
}

export const emptyTold = (): Told => ({
  ...{ deliveries: 0, failed: 0, twice: 0, chained: 0, reported: 0, refused: 0, timedOut: 0 },
})

/** Adds what one repetition came to. */
export function addTold(sum: Told, more: Told): void {
  for (const key of Object.keys(sum) as (keyof Told)[]) sum[key] += more[key]
}

/**
 * Judges what follows from outcomes, by the receiver's own log: the outbox holds what the outcomes call for and nothing
 * else, all of it is told or has failed, twice only where a process died with it, each chained run is there once, and an
 * attempt whose target took the work ended once, as that reported or by its deadline.
 */
export async function judgeTold(world: World, witness: Witness): Promise<Told> {
  const told = emptyTold()
  const rows = await read(world)
  const say = (what: string) => world.problems.push(what)
  judgeOutbox(rows, say)
  const receipts = Map.groupBy(witness.receipts(), ({ id }) => id)
  for (const delivery of rows.deliveries) {
    if (delivery.state === 'pending') say(`delivery ${delivery.id} is still pending`)
    if (delivery.target.job !== undefined) judgeStart(delivery, rows.runs, say)
    else told.twice += judgeReceipts(delivery, receipts.get(delivery.id) ?? [], { world, say })
  }
  for (const id of receipts.keys())
    if (!rows.deliveries.some((one) => one.id === id)) say(`${id} was told and is no delivery`)
  judgeReports(rows.runs, { answered: world.reporter.answered(), effects: witness.effects(), say })
  const messages = rows.deliveries.filter(({ target }) => target.job === undefined)
  const attempts = rows.runs.flatMap((run) => run.attempts)
  told.deliveries = messages.length
  told.failed = messages.filter(({ state }) => state === 'failed').length
  told.chained = rows.runs.filter(({ trigger }) => trigger === 'after').length
  told.reported = world.reporter.answered().filter(({ answer }) => answer === 'taken').length
  told.refused = world.reporter.answered().length - told.reported
  told.timedOut = attempts.filter(({ error }) => error?.code === 'CALLBACK_TIMEOUT').length
  return told
}

/** True once no run is live and nothing is left to tell. */
export async function isAllTold({ database }: World): Promise<boolean> {
  const rows = await database.sql`
    select from runs where finished_at is null union all select from deliveries where state = 'pending' limit 1`
  return rows.length === 0
}

type Say = (what: string) => void
type Attempt = { attempt: number; fence: number; state: string; error: { code: string } | null }
type Run = {
  id: string
  job_id: string
  trigger: string
  state: string
  reason: string | null
  output: string | null
  attempts: Attempt[]
  is_asynchronous: boolean
}
type Delivery = {
  id: string
  run_id: string
  target: { url?: string; channel?: string; job?: string }
  state: string
  error_code: string | null
}
type Job = {
  id: string
  deliver: { url: string; on: string }[] | null
  after_job: string | null
  after_on: string[] | null
}
type Channel = { name: string; default_on: string[] }
type Rows = { runs: Run[]; deliveries: Delivery[]; jobs: Job[]; channels: Channel[] }

async function read({ database: { sql } }: World): Promise<Rows> {
  return {
    runs: await sql<Run[]>`
      select r.id, r.job_id, r.trigger, r.state, r.reason, r.output, ${sql.unsafe(attemptsOf('r'))} as attempts, j.action ? 'callback' as is_asynchronous
      from runs r join jobs j on j.id = r.job_id order by r.finished_at, r.seq`,
    deliveries: await sql<
      Delivery[]
    >`select id, run_id, target, state, error_code from deliveries order by seq`,
    jobs: await sql<Job[]>`select id, deliver, after_job, to_jsonb(after_on) as after_on from jobs`,
    channels: await sql<Channel[]>`
      select name, to_jsonb(default_on) as default_on from channels where default_on is not null`,
  }
}

/** The deliveries that the outcomes of each job call for, one after the other, and those that there are. */
function judgeOutbox({ runs, deliveries, jobs, channels }: Rows, say: Say) {
  const byDefault = channels.map(({ name, default_on }) => ({ to: name, on: default_on, isJob: false }))
  const wanted = jobs.flatMap((job) => {
    const finished = runs.filter((run) => run.job_id === job.id && !isSilent(run))
    const followers = jobs.filter((one) => one.after_job === job.id)
    const targets = [
      ...(job.deliver?.map(({ url, on }) => ({ to: url, on: [on], isJob: false })) ?? byDefault),
      ...followers.map(({ id, after_on }) => ({ to: id, on: after_on ?? [], isJob: true })),
    ]
    let streak = 0
    return finished.flatMap(({ id, state }) => {
      const words = wordsFor(state, streak)
      const isFirst = streak === 0
      streak = state === 'succeeded' ? 0 : streak + 1
      const due = targets.filter(({ on }) => on.some((word) => words.includes(word)))
      return due
        .filter(({ isJob }) => state === 'succeeded' || isFirst || isJob)
        .map(({ to }) => `${id} → ${to}`)
    })
  })
  const found = deliveries.map(
    ({ run_id, target }) => `${run_id} → ${target.url ?? target.channel ?? target.job}`,
  )
  for (const one of wanted) if (!found.includes(one)) say(`no receiver is told of ${one}`)
  for (const [index, one] of found.entries()) {
    if (!wanted.includes(one)) say(`${one} is told and should not be`)
    if (found.indexOf(one) !== index) say(`${one} is told by two deliveries`)
  }
}

const isSilent = ({ state }: Run) => ['claimed', 'running', 'waiting', 'cancelled', 'skipped'].includes(state)

/** What a delivery may have in `on` to be called for by an outcome after so many failures in a row. */
function wordsFor(state: string, streak: number): string[] {
  if (state !== 'succeeded') return ['always', 'failure']
  return streak > 0 ? ['always', 'recovery', 'success'] : ['always', 'success']
}

/** How often it arrived too often, which is allowed once for each process that died with it. */
function judgeReceipts(
  { id, state }: Delivery,
  receipts: Receipt[],
  { world, say }: { world: World; say: Say },
): number {
  const taken = receipts.filter(({ isRefused }) => !isRefused).length
  if (state === 'delivered' && taken === 0) say(`delivery ${id} is told as delivered and never arrived`)
  if (state === 'failed' && receipts.length === 0) say(`delivery ${id} is told as failed and never left`)
  const deaths = (world.senders.get(id) ?? []).filter((life) => world.steps.wasKilled(life)).length
  const twice = Math.max(0, taken - 1)
  if (twice > deaths) say(`delivery ${id} arrived ${taken} times, and ${deaths} processes died with it`)
  return twice
}

/** A delivery that starts a job: that run bears its id, once; if it has failed there is none. */
function judgeStart({ id, state, error_code }: Delivery, runs: Run[], say: Say) {
  const started = runs.filter((run) => run.id === id)
  if (state === 'delivered' && started.length !== 1)
    say(`start ${id} is told as done: ${started.length} runs`)
  if (state === 'failed') say(`start ${id} has failed: ${error_code}, ${started.length} runs`)
}

function judgeReports(
  runs: Run[],
  { answered, effects, say }: { answered: Answered[]; effects: Effect[]; say: Say },
) {
  const ids = new Set(runs.flatMap(({ id, trigger }) => (trigger === 'after' ? [id] : [])))
  for (const run of runs) {
    const numbers = new Set(run.attempts.map(({ attempt }) => attempt))
    if (numbers.size < run.attempts.length) say(`run ${run.id}: an attempt ended twice`)
    if (ids.has(run.id) && run.state === 'succeeded' && !effects.some(({ runId }) => runId === run.id))
      say(`run ${run.id} succeeded and called no target`)
    if (run.is_asynchronous) for (const attempt of run.attempts) judgeLate(run, attempt, { answered, say })
  }
}

/** An attempt whose target took the work. */
function judgeLate(run: Run, attempt: Attempt, { answered, say }: { answered: Answered[]; say: Say }) {
  const what = `run ${run.id}, attempt ${attempt.attempt} (${attempt.state}, ${attempt.error?.code})`
  const answers = answered
    .filter(({ runId, fence }) => runId === run.id && fence === attempt.fence)
    .map(({ answer }) => answer)
  const taken = answers.filter((answer) => answer === 'taken').length
  if (taken > 1) say(`${what}: ${taken} reports were taken`)
  if (answers.some((answer) => answer !== 'taken' && answer !== 'CALLBACK_GONE'))
    say(`${what}: reports were answered ${answers.join(', ')}`)
  const isReported = attempt.state === 'succeeded'
  if (taken > 0 && !isReported) say(`${what}: a report was taken`)
  if (isReported && (answers.length === 0 || run.output !== reportedOutput))
    say(`${what}: no target reported it (${run.output})`)
  const isLapsed = attempt.state === 'interrupted' || attempt.error?.code === 'CALLBACK_TIMEOUT'
  if (!isReported && !isLapsed) say(`${what}: expected the reported outcome, or the deadline`)
}
