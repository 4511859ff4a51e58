import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import { startCloudTasks } from '../../dev/cloud-tasks/index.ts'
import { startNas } from '../../dev/nas/index.ts'
import { startPgTimer } from '../../dev/pg-timer/index.ts'
import { startQstash } from '../../dev/qstash/index.ts'
import type { ApiFault, Faults } from '../../dev/stand-in/faults.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Json, type Service, startService } from '../support/service.ts'
import { until } from '../support/until.ts'

/** The ways in which every timer may misbehave. Each is one row of the table that every provider is run through. */
export const rows = [
  'as it should',
  'lost answers',
  'lost acknowledgements',
  'duplicates',
  'another order',
  'late',
  'early',
  'down',
  'slow',
  'refusing',
  'forgetting',
] as const
export type Row = (typeof rows)[number]

/** A timer that can be made to misbehave, with a clock that stands still. */
export type StandIn = {
  environment(): Record<string, string>
  /** Of the service too, where the timer is in it. */
  database?: TestDatabase
  misbehave(row: Row): Promise<void>
  behave(): Promise<void>
  /** Time passes; resolves when what became due has been answered. */
  moveTo(instant: string): Promise<void>
  /** The instants that it holds for a job. */
  heldFor(jobId: string): Date[] | Promise<Date[]>
  /** It forgets what it holds for a job. */
  lose(jobId: string): void
  close(): Promise<void>
}

const startsAt = '2026-06-18T08:00:00Z'

export async function startNasStandIn(): Promise<StandIn> {
  const nas = await startNas({ time: startsAt })
  const ways: Partial<Record<Row, [name: string, value: string | undefined, limits?: { times: number }][]>> =
    {
      'lost answers': [['lose_answer', undefined, { times: 2 }]],
      'lost acknowledgements': [['ignore_2xx', undefined, { times: 2 }]],
      duplicates: [['duplicate', '3']],
      'another order': [['reorder', '60s']],
      late: [['fire_late', '90s']],
      early: [['fire_early', '2s']],
      down: [['answer', '502', { times: 3 }]],
      slow: [['slow', '700ms', { times: 4 }]],
      refusing: [['answer', '429', { times: 2 }]],
    }
  return {
    environment: () => ({ ...nas.environment(), CRON_PROVIDER: 'chronos' }),
    async misbehave(row) {
      for (const [name, value, limits] of ways[row] ?? []) await nas.misbehave(name, value, limits)
    },
    behave: () => nas.behave(),
    moveTo: (instant) => nas.setTime(instant),
    heldFor: (jobId) => nas.armed().flatMap((arm) => (arm.job_id === jobId ? [new Date(arm.fire_at)] : [])),
    lose: (jobId) => nas.lose(jobId),
    close: () => nas.close(),
  }
}

/** The misbehaviour of the stand-ins that are built on dev/stand-in. */
const faultsOf: Partial<Record<Row, Partial<Faults>>> = {
  'lost answers': { api: api({ kind: 'lost' }, 2) },
  'lost acknowledgements': { deafTimes: 2 },
  duplicates: { copies: 3 },
  'another order': { isReversed: true },
  late: { shiftMs: 90_000 },
  early: { shiftMs: -2_000 },
  down: { api: api({ kind: 'down' }, 3) },
  slow: { api: api({ kind: 'slow', ms: 700 }, 4) },
  refusing: { api: api({ kind: 'refuse', status: 429 }, 2) },
}

function api(fault: ApiFault, times: number): Faults['api'] {
  return { fault, times }
}

function faulty(faults: Faults): Pick<StandIn, 'misbehave' | 'behave'> {
  return {
    async misbehave(row) {
      Object.assign(faults, structuredClone(faultsOf[row]))
    },
    async behave() {
      Object.assign(faults, { api: null, shiftMs: 0, copies: 1, deafTimes: 0, isReversed: false })
    },
  }
}

export async function startQstashStandIn(): Promise<StandIn> {
  const qstash = await startQstash({ time: new Date(startsAt) })
  const messagesOf = (jobId: string) => qstash.pending().filter(({ body }) => body.includes(jobId))
  return {
    ...faulty(qstash.faults),
    environment: qstash.environment,
    moveTo: qstash.moveTo,
    heldFor: (jobId) => messagesOf(jobId).map(({ notBeforeMs }) => new Date(notBeforeMs)),
    lose: (jobId) => {
      for (const { messageId } of messagesOf(jobId)) qstash.forget(messageId)
    },
    close: qstash.close,
  }
}

export async function startCloudTasksStandIn(): Promise<StandIn> {
  const tasks = await startCloudTasks({ time: new Date(startsAt) })
  const tasksOf = (jobId: string) => tasks.pending().filter(({ name }) => name.includes(`/${jobId}-`))
  return {
    ...faulty(tasks.faults),
    environment: tasks.environment,
    moveTo: tasks.moveTo,
    heldFor: (jobId) => tasksOf(jobId).map(({ scheduleMs }) => new Date(scheduleMs)),
    lose: (jobId) => {
      for (const { name } of tasksOf(jobId)) tasks.forget(name)
    },
    close: tasks.close,
  }
}

export async function startPgStandIn(): Promise<StandIn> {
  const database = await createTestDatabase()
  const { sql } = database
  const timer = await startPgTimer({ database, time: new Date(startsAt) })
  return {
    ...faulty(timer.faults),
    database,
    environment: () => ({ CRON_PROVIDER: 'pg', ENCRYPTION_KEY: randomBytes(32).toString('base64') }),
    moveTo: timer.moveTo,
    async heldFor(jobId) {
      const held = await sql<{ at: Date }[]>`
        select wake_at as at from job_runtime, cron.job where job_id = ${jobId} and wake_at is not null and active`
      return held.map(({ at }) => at)
    },
    lose: timer.lose,
    async close() {
      await timer.close()
      await database.drop()
    },
  }
}

/** A service that is woken by the stand-in alone, and what the tests of the table do with both. */
export async function setup(t: TestContext, start: () => Promise<StandIn>, env: Record<string, string> = {}) {
  const standIn = await start()
  const { database } = standIn
  const service = await startService({
    clock: startsAt,
    env: { ...standIn.environment(), ...env },
    ...(database && { database }),
  })
  t.after(async () => {
    await standIn.behave()
    await service.close()
    await standIn.close()
  })
  const slotsOf = async (jobId: string): Promise<Json[]> =>
    (await service.api('GET', `/api/jobs/${jobId}/slots`)).body.slots
  return {
    ...{ standIn, service, slotsOf },
    /** A job at these schedules; a create that could not be armed in time is a create all the same. */
    async job(schedule: string, more: Record<string, unknown> = {}): Promise<string> {
      const action = { type: 'http', url: `${service.target.url}/hook` }
      const asked = { name: schedule, schedule, action, catch_up: 'all', ...more }
      const { status, body } = await service.api('POST', '/api/jobs', asked)
      if (status !== 201 && status !== 424) throw new Error(`${status} ${JSON.stringify(body)}`)
      return (body.job ?? body).id ?? body.job_id
    },
    /** Time passes in Postgres and at the timer; resolves when the process has no reason to stay up. */
    async passTo(instant: string) {
      service.setClock(instant)
      await standIn.moveTo(instant)
      await atRest(service)
      // what was armed for an instant that has passed is due at once
      await standIn.moveTo(instant)
      await atRest(service)
    },
    atRest: () => atRest(service),
    /** How often each slot of the job reached the target. */
    callsOf: (jobId: string) =>
      service.target.calls
        .filter(({ headers }) => headers['x-chronos-job'] === jobId)
        .map(({ headers }) => headers['x-chronos-slot']),
  }
}

async function atRest({ app }: Service) {
  await until('nothing is held', async () => app.holds.count() === 0 || null)
}
