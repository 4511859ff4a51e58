import { leaseMarginMs } from '../../src/decisions/index.ts'
import type { Report } from '../../src/run/callback.ts'
import type { CallbackClaims } from '../../src/run/callback-address.ts'
import type { Arrival } from './receivers.ts'
import type { DeliveryRow, JobRow, RunRow } from './rows.ts'
import type { Tables } from './tables.ts'

type OutboxJudgeNeeds = {
  tables: Tables
  arrivals: Arrival[]
  now: () => Date
  broken: (rule: string, jobId: string, message: string) => void
}

type Before = Pick<JobRow, 'runtime' | 'runs' | 'deliveries' | 'authored'>
/** As the client of this world writes it; a text stands for no one. */
type Spec = { on: string[]; url?: string; channel?: string }
type Wish = { to: string; on: readonly string[]; kind: 'message' | 'ping' | 'job' }

/** The output that asks for silence. */
export const silence = '[SILENT]'

/** Judges what follows from outcomes: what is told, to which receiver and how often, which jobs are started, and late reports. */
export function createOutboxJudge({ tables, arrivals, now, broken }: OutboxJudgeNeeds) {
  /** Every delivery that was ever to start a job. */
  const starts = new Set<string>()
  const tries = new Map<string, number>()
  const taken = new Set<string>()

  /** The outbox holds what the outcomes of this write call for, and nothing else. */
  function judgeWrite(before: Before, job: JobRow) {
    const jobId = job.authored.id
    const made = job.deliveries.slice(before.deliveries.length)
    let streak = before.runtime.failureStreak
    for (const [n, run] of job.runs.entries()) {
      if (run.finishedAt === null || before.runs[n]?.finishedAt) continue
      // a job that was deleted while the one ahead of it ran is told nonetheless, in vain
      const told = made.filter(({ target }) => target.job === undefined || tables.jobs.has(target.job))
      const found = told.filter(({ runId }) => runId === run.id).map(({ target }) => nameOf(target))
      const wanted = wantedFor(run, streak, wishesOf(before))
      if (found.toSorted().join() !== wanted.toSorted().join())
        broken(
          'outcomes are told once, to the receivers that they concern',
          jobId,
          `run ${run.id} (${run.state}, after ${streak} failures): ${found.join()}; expected ${wanted.join()}`,
        )
      if (isNews(run)) streak = run.state === 'succeeded' ? 0 : streak + 1
    }
    for (const { id, target } of made) if (target.job !== undefined) starts.add(id)
    for (const [n, row] of job.deliveries.entries()) judgeRow(jobId, before.deliveries[n], row)
    for (const run of job.runs.slice(before.runs.length)) {
      if (run.trigger === 'after' && !starts.has(run.id))
        broken('a chained run has an outcome before it', jobId, run.id)
    }
  }

  function judgeRow(jobId: string, before: DeliveryRow | undefined, row: DeliveryRow) {
    tries.set(row.id, Math.max(tries.get(row.id) ?? 0, row.attempt))
    if (!before || before === row) return
    const isAgain = before.state === 'failed' && row.state === 'pending'
    if (before.finishedAt !== null && !isAgain)
      broken('what was told stays so', jobId, `delivery ${row.id}: ${before.state}, then ${row.state}`)
    if (row.state !== 'delivered') return
    const started = row.target.job === undefined ? null : tables.jobs.get(row.target.job)
    // the job to start may be deleted by now
    const isThere = started
      ? started.runs.some(({ id }) => id === row.id)
      : started !== null || arrivals.some((one) => one.deliveryId === row.id && one.isTaken)
    if (!isThere) broken('what is told as delivered has arrived', jobId, JSON.stringify(row))
  }

  function wishesOf({ authored: { id, deliver } }: Before): Wish[] {
    const { channels } = tables
    const pings = channels.flatMap(({ name, type }) => (type === 'healthcheck' ? [name] : []))
    const specs =
      deliver === null
        ? channels.flatMap(({ name, defaultOn }) => (defaultOn ? [{ channel: name, on: defaultOn }] : []))
        : [deliver as Spec | Spec[]].flat().filter((one) => typeof one === 'object')
    const own = specs.map(({ on, ...target }): Wish => {
      const to = nameOf(target)
      return { to, on, kind: pings.includes(to) ? 'ping' : 'message' }
    })
    const followers = [...tables.jobs.values()].flatMap(({ authored }): Wish[] =>
      authored.after?.job === id ? [{ to: authored.id, on: authored.after.on, kind: 'job' }] : [],
    )
    return [...own, ...followers]
  }

  /** A try is one message at most, so nothing arrives more often than it was tried. */
  function arrived({ deliveryId, jobId }: Arrival) {
    const count = arrivals.filter((one) => one.deliveryId === deliveryId).length
    const most = tries.get(deliveryId) ?? 0
    if (count > most)
      broken('a try is one message', jobId, `${deliveryId} arrived ${count} times, tried ${most} times`)
  }

  /** What a target was told about its report. */
  function reported({ jobId, runId, fence }: CallbackClaims, { state }: Report, status: number) {
    const run = tables.jobs.get(jobId)?.runs.find(({ id }) => id === runId)
    const key = `${runId}:${fence}`
    if (status === 200) {
      if (taken.has(key)) broken('a report is taken once', jobId, key)
      taken.add(key)
      const attempt = run?.attempts.find((one) => one.fence === fence)
      if (run && attempt?.state !== state)
        broken('a report ends its attempt', jobId, `${key}: ${state} was taken, it is ${attempt?.state}`)
    }
    const isAwaited = run?.state === 'waiting' && run.fence === fence && (run.callbackUntil ?? 0) > now()
    if (status === 410 && isAwaited) broken('a report that is waited for is taken', jobId, key)
  }

  return { judgeWrite, arrived, reported, reportsTaken: () => taken.size }
}

/** Instants at which someone has to look because of deliveries and of targets that are to report. */
export function outboxTerms({ runs, deliveries }: JobRow): [string, number][] {
  const terms: [string, number][] = []
  for (const { state, callbackUntil } of runs)
    if (state === 'waiting' && callbackUntil) terms.push(['deadline of a report', callbackUntil.getTime()])
  for (const { state, dueAt, leaseUntil } of deliveries) {
    if (state !== 'pending') continue
    if (dueAt) terms.push(['delivery', dueAt.getTime()])
    if (leaseUntil) terms.push(['lease end of a delivery', leaseUntil.getTime() + leaseMarginMs])
  }
  return terms
}

const isNews = ({ state }: RunRow) => state !== 'cancelled' && state !== 'skipped'

function wantedFor(run: RunRow, streak: number, wishes: Wish[]): string[] {
  if (!isNews(run)) return []
  const isFailure = run.state !== 'succeeded'
  return wishes
    .filter(({ on, kind }) => {
      const wants = (word: string) => on.includes(word) || on.includes('always')
      const isMessage = kind === 'message'
      if (isFailure) return wants('failure') && (!isMessage || streak === 0)
      if (streak > 0 && wants('recovery')) return true
      return wants('success') && !(isMessage && run.output === silence)
    })
    .map(({ to }) => to)
}

function nameOf(target: { channel?: string; url?: unknown; job?: string }): string {
  return target.channel ?? target.job ?? String(target.url)
}
