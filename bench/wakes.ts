import { setTimeout as delay } from 'node:timers/promises'
import { startFly } from '../dev/fly/index.ts'
import { nodeOptions } from './programs.ts'
import { seedJobs } from './seed.ts'
import { apiKey, type Database, type NasProcess, type World } from './world.ts'

/** What happened on local Fly over a while of cold fires; times in milliseconds. */
export type Wakes = {
  seconds: number
  starts: number
  fires: number
  awakeMs: number
  statements: number
  nasCalls: number
  /** Of each run: from its slot to its start. Of each fire: from its instant until NAS sent it. */
  lateness: { runs: number[]; sent: number[] }
}

const minuteS = 4
const sampleS = 60
export const idleExitMs = 300

/**
 * Local Fly, local NAS on the wall clock, real Postgres: one job a "minute" of four seconds, and ten an "hour" of 240,
 * in the same seconds as it, so that each finds the machine off and those that belong together share a wake.
 */
export async function takeWakes(world: World): Promise<Wakes> {
  const database = await world.database()
  const nas = await world.nas()
  const { programs } = world
  const fly = await startFly({
    image: { name: 'chronos', program: programs.server, env: { NODE_COMPILE_CACHE: programs.cache } },
    env: () => ({
      ...{ NODE_ENV: 'production', NODE_OPTIONS: nodeOptions, HOST: '127.0.0.1', LOG_LEVEL: 'warn' },
      TARGET_ALLOW: '127.0.0.0/8',
      ...{ ...nas.env, DATABASE_URL: database.url, CALLBACK_URL: fly.url, API_KEY: apiKey },
      ...{ IDLE_EXIT_MS: String(idleExitMs), BOOT_GRACE_MS: String(idleExitMs) },
    }),
  })
  try {
    await seedJobs(database.sql, { count: 1, nextInS: 6, everyS: minuteS })
    for (let n = 0; n < 10; n++)
      await seedJobs(database.sql, { count: 1, after: n + 1, nextInS: 6 + n * 6 * minuteS, everyS: 240 })
    // nothing of it is armed yet: a first boot sees to that
    await database.sql`update job_runtime set wake_gen = wake_gen + 1`
    await fetch(`${fly.url}/healthz`).then((answer) => answer.text())
    await fly.until(() => fly.events.some(({ what }) => what === 'exit'), 20_000)
    const before = { ...fly.bill(), commits: await commits(database), ...(await calls(nas)) }
    const startedAt = performance.now()
    await delay(sampleS * 1000)
    await fly.until(() => fly.machines.every((machine) => machine.state() === 'stopped'), 20_000)
    const after = { ...fly.bill(), commits: await commits(database), ...(await calls(nas)) }
    const runs = await database.sql<{ ms: number }[]>`
      select extract(epoch from started_at - slot)::float8 * 1000 as ms from runs where started_at is not null`
    return {
      seconds: (performance.now() - startedAt) / 1000,
      starts: after.starts - before.starts,
      fires: after.sent.length - before.sent.length,
      awakeMs: (after.awakeS - before.awakeS) * 1000,
      statements: after.commits - before.commits,
      nasCalls: after.requests - before.requests,
      lateness: { runs: runs.map(({ ms }) => ms), sent: after.sent },
    }
  } finally {
    await fly.close()
    await nas.stop()
    await database.drop()
  }
}

/** Transactions of this database; each statement of the service is one. The question itself counts as one more. */
async function commits({ sql }: Database): Promise<number> {
  await delay(1_200)
  const [row] = await sql<{ n: number }[]>`
    select xact_commit::int as n from pg_stat_database where datname = current_database()`
  return row?.n ?? 0
}

type Entry = { kind: string; call?: string; at: string; fire_at: string; attempt?: number }

export async function calls({ url }: NasProcess): Promise<{ requests: number; sent: number[] }> {
  const answer = await fetch(`${url}/control/log`)
  const { log } = (await answer.json()) as { log: Entry[] }
  const requests = log.filter(({ kind, call }) => kind === 'request' && call !== 'jwks').length
  const sent = log
    .filter(({ kind, attempt }) => kind === 'fire' && attempt === 1)
    .map(({ at, fire_at }) => Date.parse(at) - Date.parse(fire_at))
  return { requests, sent }
}
