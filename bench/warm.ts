import { fireAll, fireBody } from './load.ts'
import { median, percentile, reach, show, table } from './numbers.ts'
import { type PgbenchResult, pgbench } from './pgbench.ts'
import { start } from './process.ts'
import { armAtNas, jobId, jobIds, seedJobs, seedKnowledge } from './seed.ts'
import { serviceEnv, type World } from './world.ts'

type Kind = { name: string; program: string; least: number | null; calls?: boolean }
type Take = { perSecond: number; p99Ms: number; cpuMs: number }

const rounds = 5
const firesPerRound = 2_000
const warmUp = 500
const connections = 32

/** 2. Fires per second of one warm process, against the same server without a database and against pgbench. */
export async function warm(world: World): Promise<string> {
  const { programs } = world
  const kinds: Kind[] = [
    { name: 'the server without a database', program: programs.noDatabase, least: null },
    { name: 'Chronos, NAS calls left out', program: programs.noNas, least: 0.5 },
    { name: 'the same, each run calls a target', program: programs.noNas, least: 0.5, calls: true },
    { name: 'Chronos, with NAS', program: programs.server, least: 0.3 },
    { name: 'the same, each run calls a target', program: programs.server, least: 0.3, calls: true },
  ]
  const takes = new Map<Kind, Take[]>(kinds.map((kind) => [kind, []]))
  const statements: PgbenchResult[] = []
  for (let round = 0; round < rounds; round++) {
    for (const kind of kinds) takes.get(kind)?.push(await takeOnce(world, kind))
    const result = await pgbench(world)
    if (result) statements.push(result)
  }
  return report(kinds, takes, statements)
}

async function takeOnce(
  { database: newDatabase, nas: newNas, programs, keys }: World,
  kind: Kind,
): Promise<Take> {
  const database = await newDatabase()
  const nas = await newNas()
  const target = kind.calls ? await start({ program: programs.bare, env: {} }) : null
  const count = warmUp + firesPerRound
  await seedJobs(database.sql, { count, next: -1, history: 4, targets: target ? [`${target.url}/`] : [] })
  if (kind.program === programs.server) await armAtNas(nas, jobIds(count))
  await seedKnowledge(database.sql, keys)
  const running = await start({
    program: kind.program,
    env: { ...serviceEnv(database, nas, keys), NODE_COMPILE_CACHE: programs.cache },
  })
  const tokens = await keys.signEach(nas.url, count)
  const bodies = Array.from({ length: count }, (_, n) => fireBody(jobId(n + 1), new Date()))
  await fireAll(running.url, { bodies: bodies.slice(0, warmUp), tokens, connections })
  if (kind.least !== null) await untilSettled(database.sql, warmUp)
  const before = running.cpuMs()
  const startedAt = performance.now()
  const { answers } = await fireAll(running.url, {
    bodies: bodies.slice(warmUp),
    tokens: tokens.slice(warmUp),
    connections,
  })
  if (kind.least !== null) await untilSettled(database.sql, count)
  const seconds = (performance.now() - startedAt) / 1000
  const cpuMs = (running.cpuMs() - before) / firesPerRound
  const expected = kind.least === null ? 200 : 202
  const wrong = answers.find(({ status }) => status !== expected)
  if (wrong) throw new Error(`${kind.name}: ${wrong.status} ${wrong.body}, expected ${expected}`)
  await running.stop()
  await target?.stop()
  await nas.stop()
  await database.drop()
  const p99Ms = percentile(
    answers.map(({ ms }) => ms),
    0.99,
  )
  return { perSecond: firesPerRound / seconds, p99Ms, cpuMs }
}

/** Every fire left one run row, and every run has ended. */
export async function untilSettled(sql: Awaited<ReturnType<World['database']>>['sql'], count: number) {
  const giveUpAt = performance.now() + 60_000
  for (;;) {
    const [row] = await sql<{ made: number; live: number }[]>`
      select count(*)::int as made, count(*) filter (where finished_at is null)::int as live
      from runs where trigger <> 'manual'`
    if (row?.made === count && row.live === 0) return
    if (performance.now() > giveUpAt)
      throw new Error(`${row?.made} runs, ${row?.live} of them live, instead of ${count} that have ended`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function report(kinds: Kind[], takes: Map<Kind, Take[]>, statements: PgbenchResult[]): string {
  const middle = (kind: Kind, field: keyof Take) => median((takes.get(kind) ?? []).map((take) => take[field]))
  const [floor] = kinds as [Kind, ...Kind[]]
  const rows = kinds.map((kind) => {
    const perSecond = middle(kind, 'perSecond')
    const ratio = perSecond / middle(floor, 'perSecond')
    const judged = kind.least === null ? '' : `${show(ratio)} × (${reach(ratio, { least: kind.least })})`
    return [kind.name, show(perSecond), judged, show(middle(kind, 'p99Ms')), show(middle(kind, 'cpuMs'))]
  })
  const of = (field: 'fires' | 'bare') => median(statements.map((result) => result[field]))
  const pgbenchLine =
    statements.length === 0
      ? 'pgbench is not installed here.'
      : `\`pgbench\`, ${statements[0]?.clients} clients, prepared, each job once: the service's claim and settle ${show(of('fires'))} times a second; a bare insert and update of a narrow row, each with its commit, ${show(of('bare'))} times. The statements are ${show(of('fires') / of('bare'))} × of that; the service without NAS, with HTTP, token and decisions on top, ${show(middle(kinds[1] as Kind, 'perSecond') / of('bare'))} × (${reach(middle(kinds[1] as Kind, 'perSecond') / of('bare'), { least: 0.6 })}).`
  return [
    `One process, ${connections} connections, an ES256 token for each fire, ${firesPerRound.toLocaleString('en-US')} jobs with four earlier runs each, fired once each after ${warmUp} to warm up; median of ${rounds} rounds, taken in turn. Each fire leaves one run row, claimed and settled, and counts when it is settled; the action is none, which ends without a call, or an http call of a server that answers 202 at once. The load generator, Postgres and NAS share the machine's processors with the server.`,
    '',
    table(
      ['', 'fires/s', 'of the server without a database', 'p99 answer, ms', 'processor ms per fire'],
      rows,
    ),
    '',
    pgbenchLine,
  ].join('\n')
}
