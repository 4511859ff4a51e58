import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { startBalancer } from './balancer.ts'
import { placesOf } from '../src/ground/config-places.ts'
import { percentile, reach, show, table } from './numbers.ts'
import { cpuMsOf, type Running, start } from './process.ts'
import { seedJobs } from './seed.ts'
import { type Database, type NasProcess, serviceEnv, type World } from './world.ts'

/** Targets are on so many ports: one origin gets half of the places of a process at most. */
const origins = 4
/** From the seed to the first slot: for the boot, and for arming everything. */
const leadS = 60
/** After the last slot: what is under way may end, and what was refused comes again. */
const tailS = 20

type Case = {
  name: string
  jobs: number
  everyS: number
  /** Their slots are spread over so many seconds. */
  spreadS: number
  targetMs: number
  /** So many processes are up. */
  starts: number
  /** One more is started as Fly's proxy does, once the others have more than so many fires under way; null: none is. */
  softLimit: number | null
  env?: Record<string, string>
}
type Taken = {
  lateMs: number[]
  verdicts: Record<string, number>
  expected: number
  answers: Record<string, number>
  arrivedMs: number[]
  /** From the slot until its run was claimed, and until it had begun. */
  claimedMs: number[]
  peakMb: number[]
  /** Of the service, of Postgres for it, of the timer, and of the balancer and the targets; from the first slot on. */
  cpuMs: number[]
}

const many = { jobs: 2_000, everyS: 60, targetMs: 1_000, softLimit: null }
/** More calls at a time than one process has places for, by a quarter; small, so that nothing else is short. */
const slow = { jobs: 40, everyS: 20, spreadS: 20, targetMs: 10_000, env: { MAX_CONCURRENT_RUNS: '16' } }
const cases: Case[] = [
  { ...many, name: '2,000, all at second 0', spreadS: 0, starts: 1 },
  { ...many, name: '2,000, all at second 0', spreadS: 0, starts: 2 },
  { ...many, name: '2,000, spread over the minute', spreadS: 60, starts: 1 },
  { ...many, name: '2,000, spread over the minute', spreadS: 60, starts: 2 },
  { ...slow, name: '40 every 20 s, calls of 10 s, 16 places', starts: 1, softLimit: null },
  { ...slow, name: '40 every 20 s, calls of 10 s, 16 places', starts: 1, softLimit: 2 },
]

/** 8. Two thousand jobs a minute, each a call of a second: what is skipped, how late, how large. */
export async function day(
  world: World,
  { minutes, only }: { minutes: number; only: string },
): Promise<string> {
  const rows: string[][] = []
  for (const one of cases.filter((each) => `${each.name}, ${each.starts}`.includes(only))) {
    const taken = await takeCase(world, one, minutes)
    rows.push(rowOf(one, taken))
    console.log(rows.at(-1)?.join(' | '), JSON.stringify({ ...taken.verdicts, ...taken.answers }))
  }
  return [
    `Jobs that call a target (on ${origins} ports, so of ${origins} origins), for ${minutes} minutes: 2,000 that are due every minute, calls of 1 s, with the default settings; and 40 that are due every 20 s, calls of 10 s, with 16 places, so that a fifth of them has no place in one process. Minutely jobs are due at second 0 unless someone spreads them, so that is the hard row, and the spread ones are the easy row. The shipped program, the local NAS on the wall clock with 500 calls at a time, fires to the process with the fewest under way. Arrived late: from the instant that a fire names until it is at the balancer: what the timer takes to sign and send them, and to wait for the answers to those before. Claimed: from the slot until its run was claimed. Late: from the slot until the run has begun, so what a run waits for a place is between the two. A process has ${placesOf({ maxConcurrentRuns: null }).toLocaleString('en-US')} places here, by the memory of the machine. All of it shares this machine's processors. With two processes no slot of the 2,000 may be skipped because its run before had no place, and the p99 may be 5 s.`,
    '',
    table(
      [
        'jobs are due',
        'processes',
        'slots',
        'ran',
        'skipped: no place',
        'skipped: run before was live',
        'missed',
        'fires answered 503',
        'fires arrived late, p50, p99, ms',
        'claimed p50, p99, ms',
        'late p50, ms',
        'late p99, ms',
        'peak RSS, MB',
        'processor ms per run: service, Postgres, timer, balancer and targets',
      ],
      rows,
    ),
  ].join('\n')
}

function rowOf({ name, starts, softLimit }: Case, taken: Taken): string[] {
  const { verdicts, lateMs, answers } = taken
  const sum = (of: Record<string, number>, ...beginnings: string[]) =>
    Object.entries(of).reduce(
      (total, [key, n]) => total + (beginnings.some((one) => key.startsWith(one)) ? n : 0),
      0,
    )
  // the reach is that of two processes
  const isJudged = starts === 2
  const noPlace = sum(verdicts, 'skipped no_place')
  const p99 = percentile(lateMs, 0.99)
  const judged = (value: number, most: number) =>
    isJudged ? `${show(value)} (${reach(value, { most })})` : show(value)
  return [
    name,
    softLimit === null ? show(starts) : `${starts}, and another above ${softLimit} fires`,
    show(taken.expected),
    show(sum(verdicts, 'succeeded')),
    judged(noPlace, 0),
    show(sum(verdicts, 'skipped') - noPlace),
    show(sum(verdicts, 'missed')),
    show(sum(answers, '503')),
    `${show(percentile(taken.arrivedMs, 0.5))}, ${show(percentile(taken.arrivedMs, 0.99))}`,
    `${show(percentile(taken.claimedMs, 0.5))}, ${show(percentile(taken.claimedMs, 0.99))}`,
    show(percentile(lateMs, 0.5)),
    judged(p99, 5_000),
    taken.peakMb.map(show).join(', '),
    taken.cpuMs.map((ms) => show(ms / Math.max(1, lateMs.length))).join(', '),
  ]
}

async function takeCase(
  world: World,
  { jobs, everyS, spreadS, targetMs, starts, softLimit, env: more = {} }: Case,
  minutes: number,
): Promise<Taken> {
  const { programs, keys } = world
  const database = await world.database()
  const nas = await world.nas()
  const target = await startTargets(targetMs)
  const balancer = await startBalancer()
  await seedJobs(database.sql, {
    ...{ count: jobs, next: leadS, everyS, history: 4, spreadS },
    targets: target.urls,
  })
  // nothing is armed yet: the first boot arms all of them
  await database.sql`update job_runtime set wake_gen = wake_gen + 1, armed_at = null`
  const env = {
    ...serviceEnv(database, nas, keys),
    NAS_JWKS_URL: `${nas.url}/.well-known/jwks.json`,
    CALLBACK_URL: balancer.url,
    NODE_COMPILE_CACHE: programs.cache,
    ...more,
  }
  const running: Running[] = []
  const startOne = async () => {
    const one = await start({ program: programs.server, env })
    running.push(one)
    return one.port
  }
  for (let n = 0; n < starts; n++) await startOne()
  balancer.serve(running.map(({ port }) => port))
  if (softLimit !== null) balancer.startAbove(softLimit, startOne)
  const [first] = await database.sql<{ slot: Date }[]>`select min(next_slot) as slot from job_runtime`
  if (!first) throw new Error('no job was seeded')
  await delay(first.slot.getTime() - 5_000 - Date.now())
  const [owed] = await database.sql<{ n: number }[]>`
    select count(*)::int as n from job_runtime where armed_gen < wake_gen`
  if (owed?.n) console.log(`${owed.n} jobs are not armed 5 s before the first slot`)
  const before = await spent(database, running, nas)
  const endMs = first.slot.getTime() + minutes * 60_000
  await delay(endMs - Date.now())
  const cpuMs = (await spent(database, running, nas)).map((ms, part) => ms - (before[part] ?? 0))
  await delay(tailS * 1_000)
  const taken = await read(database, new Date(endMs))
  const peakMb = running.map((one) => one.memory().peakMb)
  const answers = balancer.answers()
  const arrivedMs = balancer.lateMs()
  await Promise.all(running.map((one) => one.stop()))
  await Promise.all([nas.stop(), target.close(), balancer.close()])
  await database.drop()
  return { ...taken, expected: (jobs * minutes * 60) / everyS, answers, arrivedMs, peakMb, cpuMs }
}

/** Milliseconds of processor time until now, of each part. */
async function spent({ sql }: Database, running: Running[], nas: NasProcess): Promise<number[]> {
  const backends = await sql<{ pid: number }[]>`
    select pid from pg_stat_activity where datname = current_database() and application_name like 'chronos%'`
  const sum = (parts: number[]) => parts.reduce((all, ms) => all + ms, 0)
  return [
    sum(running.map((one) => one.cpuMs())),
    sum(backends.map(({ pid }) => cpuMsOf(pid))),
    cpuMsOf(nas.pid),
    cpuMsOf(process.pid),
  ]
}

/** What became of the slots before `end`. */
async function read({ sql }: Database, end: Date) {
  const late = await sql<{ ms: number; claimed: number }[]>`
    select extract(epoch from started_at - slot)::float8 * 1000 as ms,
      extract(epoch from claimed_at - slot)::float8 * 1000 as claimed
    from runs where slot < ${end} and started_at is not null`
  const runs = await sql<{ name: string; n: number }[]>`
    select state || coalesce(' ' || split_part(reason, ':', 1), '') as name, count(*)::int as n
    from runs where slot < ${end} group by 1`
  const folds = await sql<{ name: string; n: number }[]>`
    select verdict || ' ' || reason as name, sum(count)::int as n
    from folded_slots where first_slot < ${end} group by 1`
  const verdicts = Object.fromEntries([...runs, ...folds].map(({ name, n }) => [name, n]))
  return { lateMs: late.map(({ ms }) => ms), claimedMs: late.map(({ claimed }) => claimed), verdicts }
}

/** Servers that answer each call after `targetMs`. */
async function startTargets(targetMs: number) {
  const servers = Array.from({ length: origins }, () =>
    createServer((request, response) => {
      request.resume()
      setTimeout(() => response.writeHead(200).end('done'), targetMs)
    }).listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }),
  )
  await Promise.all(servers.map((server) => once(server, 'listening')))
  return {
    urls: servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`),
    async close() {
      for (const server of servers) {
        server.closeAllConnections()
        server.close()
      }
    },
  }
}
