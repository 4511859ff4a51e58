import { setTimeout as delay } from 'node:timers/promises'
import type postgres from 'postgres'
import { noFaults, takeApiFault } from '../stand-in/faults.ts'
import { cronSql, netSql } from './extensions.ts'

type PgTimerOptions = {
  /** That is to have both extensions; as a superuser. Another pool may take the place of this one. */
  database: { readonly sql: postgres.Sql }
  /** The instant at which its clock stands; null: the wall clock, and a look each `everyMs`. */
  time?: Date | null
  everyMs?: number
  /** Of pg_cron. */
  version?: '1.4' | '1.6'
  /** Called after each look, and after each call. */
  changed?: () => void
}

type Delivery = { jobId: string; status: number | null }
type Request = { id: string; url: string; headers: Record<string, string>; body: Buffer; timeout: number }

/**
 * The workers of pg_cron and pg_net: runs the commands of `cron.job`, and sends what `net.http_post` has queued, for real.
 * What it is told to do wrong befalls requests (`down`: lost, as an unlogged queue is in a crash; `lost`: the answer is
 * not seen) or looks (`refuse`: the command is not started; a shift: the server's clock is off).
 */
export async function startPgTimer({
  database,
  time = null,
  everyMs = 5_000,
  version = '1.6',
  changed = () => {},
}: PgTimerOptions) {
  await database.sql.unsafe(cronSql(version) + netSql)
  const faults = noFaults()
  const deliveries: Delivery[] = []
  const losing = new Set<string>()
  const underWay = new Set<Promise<void>>()
  let nowMs = time?.getTime() ?? null
  const ending = new AbortController()
  let isHeld = false
  let glances = 0
  /** Of looks: null: none is to fail; true: the next one. */
  let isToFail: boolean | null = null

  /** What pg_cron does at each instant of its schedule. */
  async function runCommands() {
    const jobs =
      await database.sql`select jobid, command from cron.job where active and database = current_database()`
    for (const { jobid, command } of jobs) {
      if (faults.api?.fault.kind === 'refuse') takeApiFault(faults, '')
      else await run(Number(jobid), command as string)
    }
  }

  async function tick() {
    const isFailing = isToFail === true
    if (isToFail !== null) isToFail = !isToFail
    if (isFailing) await database.sql`alter table net.http_request_queue rename to hidden`
    await runCommands()
    if (isFailing) await database.sql`alter table net.hidden rename to http_request_queue`
    await sendAll()
  }

  async function run(jobId: number, command: string) {
    const at = (nowMs ?? Date.now()) - faults.shiftMs
    const isClockOff = nowMs !== null || faults.shiftMs !== 0
    const text = isClockOff
      ? command.replace('chronos_look()', `chronos_look('${new Date(at).toISOString()}')`)
      : command
    const said = await database.sql.unsafe(text).then(
      () => ['succeeded', '1 row'] as const,
      (error: Error) => ['failed', error.message] as const,
    )
    await database.sql`
      insert into cron.job_run_details (jobid, database, username, command, status, return_message, start_time, end_time)
      select jobid, database, username, command, ${said[0]}, ${said[1]}, now(), now() from cron.job where jobid = ${jobId}`
  }

  async function sendAll() {
    const rows = await database.sql`
      delete from net.http_request_queue returning id, url, headers, body, timeout_milliseconds as timeout`
    const requests = rows
      .map((row) => row as unknown as Request)
      .toSorted((a, b) => Number(a.id) - Number(b.id))
    if (faults.isReversed) return track(inTurn(requests.toReversed()))
    for (const request of requests) for (let copy = 0; copy < faults.copies; copy++) track(send(request))
  }

  async function inTurn(requests: Request[]) {
    for (const request of requests) await send(request)
  }

  async function send(request: Request): Promise<void> {
    const fault = takeApiFault(faults, 'POST')
    const jobId = (JSON.parse(request.body.toString()) as { job_id: string }).job_id
    if (fault?.kind === 'down' || losing.delete(jobId)) return
    if (fault?.kind === 'slow') await delay(fault.ms)
    const response = await fetch(request.url, {
      method: 'POST',
      headers: request.headers,
      body: new Uint8Array(request.body),
      signal: AbortSignal.any([AbortSignal.timeout(request.timeout), ending.signal]),
    }).catch(() => null)
    const content = await response?.text().catch(() => null)
    deliveries.push({ jobId, status: response?.status ?? null })
    if (fault?.kind === 'lost') return
    if (faults.deafTimes > 0) {
      faults.deafTimes -= 1
      // it had not been taken out of the queue when the worker died
      return send(request)
    }
    if (ending.signal.aborted) return
    await database.sql`insert into net._http_response (id, status_code, content, error_msg) values (${request.id},
      ${response?.status ?? null}, ${content ?? null}, ${response ? null : "Couldn't connect to server"})`
  }

  function track(work: Promise<void>) {
    underWay.add(work)
    const end = () => {
      underWay.delete(work)
      changed()
    }
    work.then(end, end)
  }

  /** One look that no one waits for. If the server dies meanwhile, there is one more at the next instant. */
  async function glance() {
    glances += 1
    await tick().catch(() => {})
    glances -= 1
    changed()
  }

  /** The next look that finds a job due; the looks before it change nothing. */
  async function nextLookMs(): Promise<number> {
    const [{ wake } = {}] = await database.sql<{ wake: Date | null }[]>`
      select min(wake_at) as wake from job_runtime where exists (select from cron.job where active)`
    if (!wake || isHeld || nowMs === null) return Number.POSITIVE_INFINITY
    const foundMs = Math.ceil((wake.getTime() + faults.shiftMs) / everyMs) * everyMs
    return Math.max(foundMs, (Math.floor(nowMs / everyMs) + 1) * everyMs)
  }

  async function settled() {
    while (underWay.size > 0) await Promise.allSettled(underWay)
  }

  const looking = nowMs === null ? keepLooking() : Promise.resolve()
  async function keepLooking() {
    while (!ending.signal.aborted) {
      if (!isHeld) await tick()
      await delay(everyMs, undefined, { signal: ending.signal }).catch(() => {})
    }
  }

  return {
    faults,
    deliveries,
    runCommands,
    settled,
    /** Moves the clock, looks once, and waits until all that was called has answered. */
    async moveTo(instant: Date | string) {
      nowMs = new Date(instant).getTime()
      await tick()
      await settled()
    },
    /** Moves the clock, and waits for nothing: for an answer that waits for a clock itself. */
    jump(instant: Date) {
      nowMs = instant.getTime()
      if (!isHeld && nowMs % everyMs === 0) void glance()
    },
    nextMs: nextLookMs,
    isBehind: () => glances > 0,
    /** Calls that have begun and are not over. */
    sending: () => underWay.size,
    /** From the next look on, every other one fails if a job is due. */
    failEachOther() {
      isToFail = true
    },
    /** Nothing is looked at until `release`. */
    hold() {
      isHeld = true
    },
    release() {
      isHeld = false
    },
    /** The next call of this job is lost. */
    lose: (jobId: string) => void losing.add(jobId),
    /** Calls under way are broken off: one may be waiting for a machine that boots. */
    async close() {
      ending.abort()
      await looking
      await settled()
    },
  }
}
