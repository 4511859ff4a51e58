import { setTimeout as sleep } from 'node:timers/promises'
import { attemptsOf } from '../../db/attempts.ts'
import type { ImageSettings } from './image.ts'
import type { Turn } from './service.ts'
import { maxRunMs, type World } from './world.ts'

/** Something that must not be; `what` of one kind are shrunk as one. */
export type Finding = { what: FindingKind; says: string }
export type FindingKind = 'answer' | 'hung' | 'blocked' | 'memory' | 'limit' | 'unsettled' | 'log' | 'ended'

/** What was measured and counted, over a whole run of the program. */
export type Totals = {
  groups: number
  /** By route, then by status. */
  answers: Record<string, Record<string, number>>
  /** 503 with a reason that the contract has for a service that is well: by code. */
  busy: Record<string, number>
  attempts: number
  slowestTurnMs: number
  peakMb: number
  /** How far the attempt that ended latest was beyond its limit. */
  latestEndMs: number
}

export function emptyTotals(): Totals {
  return { groups: 0, answers: {}, busy: {}, attempts: 0, slowestTurnMs: 0, peakMb: 0, latestEndMs: 0 }
}

const blockedMs = 200
/** An attempt's end is written down by Postgres, on a machine that others use too. */
const limitMarginMs = 1_000
const shortestLeaseMs = 10_000
/** The service gives a statement 5 s. If it or PostgreSQL had no processor for so much of these, that is why. */
const mostAwayMs = 1_500
/** 503 that says what the caller has to wait for, of a service whose database and NAS are well. */
const busyCodes = ['QUEUE_FULL', 'FOLLOWERS_FULL', 'TRIES_FULL']

type Answered = { status: number | null; body: string; askedAt: number }

/** @returns null: it is an answer as it should be */
export function judgeAnswer(
  key: string,
  { status, body, askedAt }: Answered,
  { totals, machineMs }: Pick<World, 'machineMs'> & { totals: Totals },
): Finding | null {
  const byStatus = (totals.answers[key] ??= {})
  byStatus[status ?? 'none'] = (byStatus[status ?? 'none'] ?? 0) + 1
  if (status === null || status < 500) return null
  const code = /"code":"([A-Z_]+)"/.exec(body)?.[1] ?? 'no code'
  const awayMs = Math.round(machineMs(askedAt, Date.now()))
  const isOfMachine = code === 'DATABASE_UNAVAILABLE' && awayMs > mostAwayMs
  if (status === 503 && (busyCodes.includes(code) || isOfMachine)) {
    totals.busy[code] = (totals.busy[code] ?? 0) + 1
    return null
  }
  return {
    what: 'answer',
    says: `${key} was answered ${status} ${code} (the machine was elsewhere for ${awayMs} ms): ${body.slice(0, 300)}`,
  }
}

/** Watches one world, from its start to its end. */
export function createJudge(world: World, image: ImageSettings, totals: Totals) {
  const { service, sql, machineMs } = world
  const judged = new Set<string>()

  function ofLoop(turns: Turn[]): Finding[] {
    return turns.flatMap(({ wallMs, cpuMs }): Finding[] => {
      const ownMs = Math.min(wallMs, cpuMs)
      totals.slowestTurnMs = Math.max(totals.slowestTurnMs, ownMs)
      if (ownMs <= blockedMs) return []
      return [
        {
          what: 'blocked',
          says: `the event loop was blocked for ${Math.round(ownMs)} ms of processor time (${Math.round(wallMs)} ms went by), more than ${blockedMs}`,
        },
      ]
    })
  }

  async function ofMemory(): Promise<Finding[]> {
    const peakMb = (await service.peakMb()) ?? 0
    totals.peakMb = Math.max(totals.peakMb, peakMb)
    if (peakMb <= image.memoryMb) return []
    return [
      {
        what: 'memory',
        says: `${Math.round(peakMb)} MiB were in use at once, more than ${image.memoryMb}`,
      },
    ]
  }

  async function ofAttempts(): Promise<Finding[]> {
    const rows = await sql<AttemptRow[]>`
      select r.id, r.job_id, a.value as attempt, j.action, j.policy,
        (a.value ->> 'started_at')::timestamptz >= j.updated_at as is_as_saved
      from runs r join jobs j on j.id = r.job_id cross join jsonb_array_elements(${sql.unsafe(attemptsOf('r'))}) a
      where r.id in (select id from runs order by seq desc limit 2000)`
    return rows.flatMap((row) => ofAttempt(row)).filter((finding) => finding !== null)
  }

  function ofAttempt(row: AttemptRow): Finding | null {
    const { started_at, finished_at, attempt, state } = row.attempt
    const key = `${row.id} ${attempt}`
    if (judged.has(key) || started_at === null) return null
    judged.add(key)
    totals.attempts += 1
    const [from, to] = [Date.parse(started_at), Date.parse(finished_at)]
    const overMs = to - from - limitOf(row)
    const noiseMs = machineMs(from, to + 1_000)
    totals.latestEndMs = Math.max(totals.latestEndMs, overMs - noiseMs)
    if (overMs > limitMarginMs + noiseMs)
      return {
        what: 'limit',
        says: `attempt ${attempt} of run ${row.id} (${JSON.stringify(row.action)}) took ${to - from} ms; its limit is ${limitOf(row)}`,
      }
    if (state === 'interrupted' && (row.policy.leaseMs ?? Infinity) >= shortestLeaseMs)
      return {
        what: 'unsettled',
        says: `attempt ${attempt} of run ${row.id} is interrupted, and its process never ended`,
      }
    return null
  }

  async function ofLiveRuns(): Promise<Finding[]> {
    const rows = await sql<{ id: string; state: string; ms: number }[]>`
      select id, state, (extract(epoch from clock_timestamp() - coalesce(started_at, claimed_at)) * 1000)::int as ms from runs
      where finished_at is null and lease_until is not null and waiting_since is null
        and coalesce(started_at, claimed_at) < clock_timestamp() - ${`${longestRunMs} ms`}::interval`
    return rows.map(({ id, state, ms }) => ({
      what: 'unsettled',
      says: `run ${id} is ${state} for ${ms} ms; no attempt may take longer than ${maxRunMs}`,
    }))
  }

  /** The trouble of a PostgreSQL that does not get the processor is told in the log, as it should be. */
  function isOfService(line: string): boolean {
    const isOfPostgres = /DatabaseUnavailable|DEADLINE_EXCEEDED/.test(line)
    return !isOfPostgres || machineMs(Date.now() - 30_000, Date.now()) < mostAwayMs
  }

  return {
    /** Everything but the answers themselves; to be asked after each group. */
    async look(): Promise<Finding[]> {
      const ofServer = await ofHealth(world)
      // a process that is going takes no connections any more
      if (ofServer.length > 0) await sleep(1_000)
      const { turns, lines } = service.take()
      const how = service.ended()
      if (how !== null)
        return [{ what: 'ended', says: `the service ${how}: ${lines.slice(-5).join(' ⏎ ').slice(-1_500)}` }]
      return [
        ...ofLoop(turns),
        ...lines.filter(isOfService).flatMap(ofLine),
        ...(await ofMemory()),
        ...(await ofAttempts()),
        ...(await ofLiveRuns()),
        ...ofServer,
      ]
    },
    atEnd: () => settled(world),
  }
}

export type Judge = ReturnType<typeof createJudge>

type AttemptRow = {
  id: string
  job_id: string
  attempt: { attempt: number; state: string; started_at: string | null; finished_at: string }
  action: { timeout_ms?: number; when?: { timeout_ms?: number }; callback?: { deadline_ms: number } }
  policy: { timeoutMs?: number; leaseMs?: number }
  is_as_saved: boolean
}

/** Of an attempt that is told to stop, the last word is given up after 10 s. */
const longestRunMs = maxRunMs + 12_000

/** Of one attempt, in milliseconds: what its job says, and never more than the service lets any have. */
function limitOf({ action, policy, is_as_saved }: AttemptRow): number {
  const reportMs = action.callback?.deadline_ms ?? 0
  if (!is_as_saved) return maxRunMs + 7 * 86_400_000
  const ofJob = policy.timeoutMs ?? Infinity
  const own = Math.min(action.timeout_ms ?? ofJob, ofJob)
  const gateMs = action.when ? (action.when.timeout_ms ?? 10_000) : 0
  return Math.min(maxRunMs, own + gateMs) + reportMs
}

/** What the image says as it starts without a cache; nothing of the service. */
const isExpected = (line: string) => line === '' || line.includes('starting without it')

function ofLine(line: string): Finding[] {
  if (isExpected(line)) return []
  const level = /^\{"level":"(\w+)"/.exec(line)?.[1]
  if (level !== undefined && level !== 'error' && level !== 'fatal') return []
  return [{ what: 'log', says: `the service wrote ${line.slice(0, 700)}` }]
}

async function ofHealth({ port }: World): Promise<Finding[]> {
  const isWell = await fetch(`http://127.0.0.1:${port}/healthz`, {
    signal: AbortSignal.timeout(10_000),
  }).then(
    ({ ok }) => ok,
    () => false,
  )
  return isWell ? [] : [{ what: 'hung', says: 'GET /healthz was not answered within 10 s' }]
}

/** Lets everything come to its end, and looks in Postgres whether it has; then sends the service away. */
async function settled({ service, sql, api, outside, nas }: World): Promise<Finding[]> {
  outside.calm()
  for (const { id } of await sql<
    { id: string }[]
  >`select job_id as id from job_runtime where state = 'scheduled'`)
    await api('POST', `/api/jobs/${id}/pause`, {})
  const held = () => sql<{ what: string; id: string }[]>`
    select 'run' as what, id::text from runs where lease_until is not null
    union all select 'delivery', id::text from deliveries where lease_until is not null`
  await until(async () => (await held()).length === 0, longestRunMs + 30_000)
  // what waits for a retry or a report has been settled; it is cancelled, so that nothing is left
  for (const { id } of await sql<{ id: string }[]>`select id from runs where finished_at is null`)
    await api('POST', `/api/runs/${id}/cancel`, {})
  const live = () =>
    sql<{ what: string; id: string }[]>`select 'run' as what, id::text from runs where finished_at is null`
  await until(async () => (await live()).length === 0, 15_000)
  await api('POST', '/api/cron/reconcile', {})
  const orphans = () =>
    sql<
      { what: string; id: string }[]
    >`select 'orphan' as what, job_id as id from orphans where cancelled_at is null`
  await until(async () => (await orphans()).length === 0, 10_000)
  const ids = new Set((await sql<{ id: string }[]>`select id from jobs`).map(({ id }) => id))
  const strays = nas.armed().filter(({ job_id: id }) => !ids.has(id))
  const left = [
    ...(await held()),
    ...(await live()),
    ...(await orphans()),
    ...strays.map(({ job_id: id }) => ({ what: 'arm of no job', id })),
  ]
  const findings = left.map(
    ({ what, id }): Finding => ({ what: 'unsettled', says: `${what} ${id} is left at the end` }),
  )
  const end = await service.leave(30_000)
  const said = service.take().lines.flatMap(ofLine)
  return [
    ...findings,
    ...said,
    ...(end === 'ended with status 0'
      ? []
      : [{ what: 'ended', says: `told to go down, the service ${end}` } as const]),
  ]
}

async function until(isSo: () => Promise<boolean>, patienceMs: number): Promise<void> {
  for (const endsAt = performance.now() + patienceMs; performance.now() < endsAt; await sleep(100))
    if (await isSo()) return
}
