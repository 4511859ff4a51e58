import { setTimeout as delay } from 'node:timers/promises'
import { monday } from './bill.ts'
import { percentile, show, table } from './numbers.ts'
import { start } from './process.ts'
import { seedJobs } from './seed.ts'
import { takeWakes } from './wakes.ts'
import { type NasProcess, serviceEnv, type World } from './world.ts'
import { freePort } from '../dev/free-port.ts'

const jobs = 10
const sampleS = 20

/** 7. From the instant at which NAS was to fire until the run has begun, cold and warm. */
export async function lateness(world: World): Promise<string> {
  const cold = (await takeWakes(world, { schedules: ['* * * * *'], from: monday, hours: 0.5 })).lateness
  const warm = await takeWarm(world)
  const rows = [
    row('warm: NAS has sent the fire', warm.sent),
    row('warm: the run has begun', warm.runs),
    row('cold: NAS has sent the fire', cold.sent),
    row('cold: the run has begun', cold.runs),
  ]
  return [
    `Milliseconds after the slot, by Postgres' clock. Warm: ${jobs} jobs, each due every second for ${sampleS} s. Cold: one job a minute on local Fly for half an hour (time leaps from wake to wake, as in the bill), the machine is off at every fire. What NAS itself is late (its timer, its signature) is the floor of both.`,
    '',
    table(['', 'n', 'p50', 'p99', 'most'], rows),
  ].join('\n')
}

function row(name: string, ms: number[]): string[] {
  return [name, show(ms.length), show(percentile(ms, 0.5)), show(percentile(ms, 0.99)), show(Math.max(...ms))]
}

async function takeWarm(world: World): Promise<{ runs: number[]; sent: number[] }> {
  const database = await world.database()
  const nas = await world.nas()
  const port = await freePort()
  const env = {
    ...serviceEnv(database, nas, world.keys),
    NAS_JWKS_URL: `${nas.url}/.well-known/jwks.json`,
    CALLBACK_URL: `http://127.0.0.1:${port}`,
  }
  await seedJobs(database.sql, { count: jobs, next: 3, everyS: 1 })
  await database.sql`update job_runtime set wake_gen = wake_gen + 1`
  const running = await start({ program: world.programs.server, env, port })
  await delay(sampleS * 1000)
  const sent = await sentBy(nas)
  const runs = await database.sql<{ ms: number }[]>`
    select extract(epoch from started_at - slot)::float8 * 1000 as ms from runs where started_at is not null`
  await running.stop()
  await nas.stop()
  await database.drop()
  return { runs: runs.map(({ ms }) => ms), sent }
}

async function sentBy({ url }: NasProcess): Promise<number[]> {
  const answer = await fetch(`${url}/control/log?kind=fire`)
  const { log } = (await answer.json()) as { log: { at: string; fire_at: string; attempt: number }[] }
  return log
    .filter(({ attempt }) => attempt === 1)
    .map(({ at, fire_at }) => Date.parse(at) - Date.parse(fire_at))
}
