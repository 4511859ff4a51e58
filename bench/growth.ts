import { setTimeout as delay } from 'node:timers/promises'
import { history } from './history.ts'
import { fireOn, fireBody } from './load.ts'
import { median, percentile, reach, show, table } from './numbers.ts'
import { type Running, start } from './process.ts'
import { armedAt, jobId, makeDue, seedJobs, seedKnowledge } from './seed.ts'
import { startStandIn } from './stand-in.ts'
import { apiKey, type Database, serviceEnv, type World } from './world.ts'

const sizes = [100, 10_000, 100_000]
const rounds = 60

type Stage = {
  count: number
  database: Database
  running: Running
  url: string
  token: string
  calls: { list: number; provision: number; cancel: number }
  stop(): Promise<void>
  /** The reconcile of its boot: from its list to its end; and a whole one after it, by request. */
  boot: { calls: number; ms: number; againMs: number; peakMb: number }
}
const operations = ['create', 'edit', 'fire'] as const

/** 5. What an operation costs where there are many jobs, and what a boot costs where nothing has changed. */
export async function growth(world: World): Promise<string> {
  const stages: Stage[] = []
  for (const count of sizes) stages.push(await stage(world, count))
  const times = new Map(
    stages.map((each) => [each, { create: [] as number[], edit: [] as number[], fire: [] as number[] }]),
  )
  for (let round = 0; round < rounds + 5; round++) {
    for (const each of stages) {
      for (const operation of operations) {
        const ms = await timed(each, operation, round)
        // the first of each have code to load
        if (round >= 5) times.get(each)?.[operation].push(ms)
      }
    }
  }
  for (const each of stages) await each.stop()
  return `${report(stages, times)}\n\n${await history(world)}`
}

async function stage(world: World, count: number): Promise<Stage> {
  const database = await world.database()
  await seedJobs(database.sql, { count, next: 3_600 })
  await seedKnowledge(database.sql, world.keys)
  const fire_at = armedAt.toISOString()
  const listed = Array.from({ length: count }, (_, n) => ({
    job_id: jobId(n + 1),
    fire_at,
    schedule_id: 'bench',
  }))
  const { nas, calls, listed: listedOnce } = await startStandIn(listed)
  const env = { ...serviceEnv(database, nas, world.keys), NODE_COMPILE_CACHE: world.programs.cache }
  const running = await start({ program: world.programs.server, env })
  const { answered } = await listedOnce
  // a request joins the one that is under way, and is answered when that is done
  const boots = api(running.url, 'POST', '/api/cron/reconcile')
  const listedAt = await answered
  await boots
  const ms = performance.now() - listedAt
  const made = calls.list + calls.provision + calls.cancel
  const startedAt = performance.now()
  await api(running.url, 'POST', '/api/cron/reconcile')
  const againMs = performance.now() - startedAt
  const boot = { calls: made, ms, againMs, peakMb: running.memory().peakMb }
  async function stop() {
    await running.stop()
    await nas.stop()
    await database.drop()
  }
  return {
    count,
    database,
    running,
    url: running.url,
    token: await world.keys.sign(nas.url),
    calls,
    stop,
    boot,
  }
}

async function timed(each: Stage, operation: (typeof operations)[number], round: number): Promise<number> {
  const id = jobId(round + 1)
  if (operation === 'fire') {
    const at = await makeDue(each.database.sql, id)
    const startedAt = performance.now()
    const status = await fireOn(each.running.socket, fireBody(id, at), each.token)
    const ms = performance.now() - startedAt
    if (status !== 202) throw new Error(`a fire was answered ${status}`)
    await delay(5)
    return ms
  }
  const startedAt = performance.now()
  if (operation === 'create')
    await api(each.url, 'POST', '/api/jobs', { name: `made ${round}`, schedule: 'every 1h', prompt: 'bench' })
  else
    await api(each.url, 'PATCH', `/api/jobs/${jobId(70 + (round % 30))}`, {
      schedule: `every ${round + 61}m`,
    })
  return performance.now() - startedAt
}

async function api(url: string, method: string, path: string, body?: object) {
  const answer = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
}

function report(stages: Stage[], times: Map<Stage, Record<(typeof operations)[number], number[]>>): string {
  const [least] = stages as [Stage, ...Stage[]]
  const cell = (each: Stage, operation: (typeof operations)[number]) => {
    const ms = times.get(each)?.[operation] ?? []
    const figures = `${show(median(ms))} (p99 ${show(percentile(ms, 0.99))})`
    if (each === least) return figures
    const ratio = median(ms) / median(times.get(least)?.[operation] ?? [])
    return `${figures} = ${show(ratio)} ×${each === stages.at(-1) ? ` (${reach(ratio, { most: 1.3 })})` : ''}`
  }
  const rows = stages.map((each) => [
    each.count.toLocaleString('en-US'),
    ...operations.map((operation) => cell(each, operation)),
    show(each.boot.calls),
    show(each.boot.ms),
    show(each.boot.againMs),
    each === least ? show(each.boot.peakMb) : `+${show(each.boot.peakMb - least.boot.peakMb)}`,
  ])
  const most = stages.at(-1) as Stage
  const moreMb = most.boot.peakMb - least.boot.peakMb
  return [
    `One service for each size, all up at once, ${rounds} operations of each kind in turn, one at a time. NAS is a stand-in that answers at once, and holds exactly what Postgres says. Reconcile: of the boot, nothing has changed, from the answer to its one list to its end, with cold code; again: a whole one by request; the peak RSS of the process after both.`,
    '',
    table(
      [
        'jobs',
        'create, ms',
        'edit, ms',
        'fire, ms',
        'reconcile: NAS calls',
        'reconcile, ms',
        'again, ms',
        'peak RSS, MB',
      ],
      rows,
    ),
    '',
    `At 100,000: one call (${reach(most.boot.calls, { most: 1 })}), ${show(most.boot.ms)} ms (${reach(most.boot.ms, { most: 1_000 })}), ${show(moreMb)} MB more than at 100 (${reach(moreMb, { most: 64 })}).`,
  ].join('\n')
}
