import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { parse } from 'smol-toml'
import { type Fly, startFly } from '../dev/fly/index.ts'
import { startTarget } from '../dev/target/index.ts'
import { nodeEnv } from './programs.ts'
import { startVirtualTime, type VirtualTime } from './virtual.ts'
import { apiKey, type Database, type World } from './world.ts'

/** What happened on local Fly over a part of a day; times in milliseconds. */
export type Wakes = {
  /** Of that part of the day; and what it took here. */
  hours: number
  realS: number
  starts: number
  fires: number
  runs: number
  /** Awake in all, the idle wait at the end of each wake included. */
  awakeMs: number
  statements: number
  nasCalls: number
  /** Of each run: from its slot to its start. Of each fire: from its instant until NAS sent it. */
  lateness: { runs: number[]; sent: number[] }
}

export type Part = { schedules: string[]; from: Date; hours: number }

/** When machines go down, as in fly.toml. */
export async function exitSettings(): Promise<{ IDLE_EXIT_MS: string; BOOT_GRACE_MS: string }> {
  const { env } = parse(await readFile(new URL('../fly.toml', import.meta.url), 'utf8'))
  const { IDLE_EXIT_MS = '', BOOT_GRACE_MS = '' } = env as Record<string, string>
  return { IDLE_EXIT_MS, BOOT_GRACE_MS }
}

/**
 * A part of a day on local Fly, with jobs made by the API: real boots, fires, runs, arms, idle waits and exits of the
 * shipped program, at their own speed. Time leaps only while no machine is up, to the next fire.
 */
export async function takeWakes(world: World, { schedules, from, hours }: Part): Promise<Wakes> {
  const database = await world.database()
  await database.sql`insert into facts (name, value) values ('nas_manners', '{"kept":5,"forgot":0}')`
  const settings = await exitSettings()
  const untilMs = from.getTime() + hours * 3_600_000
  const time = await startVirtualTime(database, new Date(from.getTime() - 50_000))
  const target = await startTarget()
  const fly = await startFly(flyOptions())
  try {
    for (const schedule of schedules) await createJob(fly, schedule, target.url)
    await down(fly, 0)
    const before = await counts(database, time, fly)
    const startedAt = performance.now()
    for (;;) {
      const nextMs = time.nextMs()
      if (nextMs >= untilMs) break
      const { starts } = fly.bill()
      await time.leapTo(nextMs)
      await down(fly, starts)
    }
    const realS = (performance.now() - startedAt) / 1000
    const after = await counts(database, time, fly)
    if (after.reconciles < after.starts) throw new Error('a machine went down before its boot was done')
    const rows = await database.sql<{ ms: number }[]>`
      select extract(epoch from started_at - slot)::float8 * 1000 as ms from runs where started_at is not null`
    const starts = after.starts - before.starts
    return {
      ...{ hours, realS, starts, runs: rows.length },
      fires: after.sent.length - before.sent.length,
      awakeMs: (after.awakeS - before.awakeS) * 1000,
      statements: after.statements - before.statements,
      nasCalls: after.nasCalls - before.nasCalls,
      lateness: { runs: rows.map(({ ms }) => ms), sent: after.sent },
    }
  } finally {
    await fly.close()
    await Promise.all([time.close(), target.close()])
    await database.drop()
  }

  function flyOptions(): Parameters<typeof startFly>[0] {
    const { programs } = world
    return {
      image: { name: 'chronos', program: programs.server, env: { NODE_COMPILE_CACHE: programs.cache } },
      env: () => ({
        ...{ ...nodeEnv, HOST: '127.0.0.1', CRON_PROVIDER: 'chronos' },
        ...{ DATABASE_URL: database.url, CALLBACK_URL: fly.url, API_KEY: apiKey },
        ...{ ...time.nas.environment(), TARGET_ALLOW: '127.0.0.1/32' },
        ...settings,
      }),
    }
  }
}

async function createJob(fly: Fly, schedule: string, url: string) {
  const answer = await fetch(`${fly.url}/api/jobs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: schedule, schedule, action: { type: 'http', url: `${url}/hook` } }),
  })
  if (answer.status !== 201) throw new Error(`a job was answered ${answer.status}: ${await answer.text()}`)
}

/** Resolves once a machine was started since there were `starts`, and all are down again. */
async function down(fly: Fly, starts: number) {
  await fly.until(
    () => fly.bill().starts > starts && fly.machines.every((machine) => machine.state() === 'stopped'),
    30_000,
  )
}

/** Statements: transactions of this database, of which each statement of the service is one. */
async function counts({ sql }: Database, time: VirtualTime, fly: Fly) {
  // Postgres' own count is behind by up to a second
  await delay(1_200)
  const [row] = await sql<{ n: number }[]>`
    select xact_commit::int as n from pg_stat_database where datname = current_database()`
  const { starts, awakeS } = fly.bill()
  const lines = fly.machines.flatMap((machine) => machine.lines)
  return {
    ...{ starts, awakeS, reconciles: lines.filter((line) => line.includes('"reconciled"')).length },
    // the question itself counts as one more
    statements: (row?.n ?? 0) - time.statements() - 1,
    nasCalls: time.nas.requests().filter(({ call }) => call !== 'jwks').length,
    sent: time.nas.log.flatMap((entry) =>
      entry.kind === 'fire' && entry.attempt === 1 ? [Date.parse(entry.at) - Date.parse(entry.fire_at)] : [],
    ),
  }
}
