import { fireAll, fireBody } from './load.ts'
import { show, table } from './numbers.ts'
import { cpuMsOf, start } from './process.ts'
import { jobId, seedJobs, seedKnowledge } from './seed.ts'
import { untilSettled } from './warm.ts'
import { type Database, serviceEnv, type World } from './world.ts'

/** What a fire costs, by so many processes at one Postgres. Processor times in milliseconds. */
export type Cost = {
  processes: number
  perSecond: number
  serviceMs: number
  postgresMs: number
  walBytes: number
  /** To Postgres, of all processes. */
  connections: number
}

const warmUpEach = 100
const connectionsEach = 16

/** 9. Fires per second of 1, 2, 4 and 8 processes at one Postgres. */
export async function processes(world: World, { fires }: { fires: number }): Promise<string> {
  const costs: Cost[] = []
  for (const count of [1, 2, 4, 8]) costs.push(await costOfFires(world, { processes: count, fires }))
  const rows = costs.map((cost) => [
    ...[String(cost.processes), show(cost.perSecond), show(cost.perSecond / cost.processes)],
    ...[show(cost.serviceMs), show(cost.postgresMs), show(cost.walBytes / 1024), String(cost.connections)],
  ])
  return [
    `${fires.toLocaleString('en-US')} jobs that call nothing, with four earlier runs each, fired once each, ${connectionsEach} at a time at each process; calls of the timer are left out. A fire counts when its run is settled. All processes, Postgres and the load generator share this machine's processors, so more processes than processors show what they cost each other, and not what they could do.`,
    '',
    table(
      [
        ...[
          'processes',
          'fires/s, all at one Postgres',
          'fires/s of a process',
          'processor ms per fire, service',
        ],
        ...['processor ms per fire, Postgres', 'WAL per fire, KB', 'connections'],
      ],
      rows,
    ),
  ].join('\n')
}

/** Fires so many jobs once each, spread over the processes. */
export async function costOfFires(world: World, wish: { processes: number; fires: number }): Promise<Cost> {
  const { programs, keys } = world
  const database = await world.database()
  const nas = await world.nas()
  const warmUp = warmUpEach * wish.processes
  const count = warmUp + wish.fires
  await seedJobs(database.sql, { count, next: -1, history: 4 })
  await seedKnowledge(database.sql, keys)
  const env = { ...serviceEnv(database, nas, keys), NODE_COMPILE_CACHE: programs.cache }
  const running = await Promise.all(
    Array.from({ length: wish.processes }, () => start({ program: programs.noNas, env })),
  )
  const tokens = await keys.signEach(nas.url, count)

  async function fire(from: number, to: number) {
    await Promise.all(
      running.map(async ({ url }, n) => {
        const ids = Array.from({ length: to - from }, (_, at) => from + at + 1).filter(
          (id) => id % running.length === n,
        )
        const bodies = ids.map((id) => fireBody(jobId(id), new Date()))
        const own = ids.map((id) => tokens[id - 1] ?? '')
        const { answers } = await fireAll(url, { bodies, tokens: own, connections: connectionsEach })
        const wrong = answers.find(({ status }) => status !== 202)
        if (wrong) throw new Error(`${wrong.status} ${wrong.body}, expected 202`)
      }),
    )
    await untilSettled(database.sql, to)
  }

  await fire(0, warmUp)
  const before = await spent(database, running)
  const startedAt = performance.now()
  await fire(warmUp, count)
  const seconds = (performance.now() - startedAt) / 1000
  const after = await spent(database, running)
  await Promise.all(running.map((one) => one.stop()))
  await nas.stop()
  await database.drop()
  const each = (field: 'serviceMs' | 'postgresMs' | 'walBytes') => (after[field] - before[field]) / wish.fires
  return {
    ...{ processes: wish.processes, perSecond: wish.fires / seconds, connections: after.connections },
    ...{ serviceMs: each('serviceMs'), postgresMs: each('postgresMs'), walBytes: each('walBytes') },
  }
}

/** Until now, by the processes and by those of Postgres that serve them. */
async function spent({ sql }: Database, running: { cpuMs(): number }[]) {
  const backends = await sql<{ pid: number }[]>`
    select pid from pg_stat_activity where datname = current_database() and application_name like 'chronos%'`
  const [row] = await sql<{ wal: string }[]>`select pg_current_wal_lsn() - '0/0' as wal`
  return {
    serviceMs: running.reduce((sum, one) => sum + one.cpuMs(), 0),
    postgresMs: backends.reduce((sum, { pid }) => sum + cpuMsOf(pid), 0),
    walBytes: Number(row?.wal),
    connections: backends.length,
  }
}
