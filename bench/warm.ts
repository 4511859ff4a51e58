import { fireAll, fireBody } from './load.ts'
import { median, percentile, reach, show, table } from './numbers.ts'
import { type PgbenchResult, pgbench } from './pgbench.ts'
import { start } from './process.ts'
import { armAtNas, jobId, jobIds, seedJobs, seedKnowledge } from './seed.ts'
import { serviceEnv, type World } from './world.ts'

type Kind = { name: string; program: string; least: number | null }
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
    { name: 'Chronos, NAS calls left out', program: programs.noNas, least: 0.6 },
    { name: 'Chronos, with NAS', program: programs.server, least: 0.3 },
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
  await seedJobs(database.sql, { count: warmUp + firesPerRound, nextInS: -1, history: 4 })
  if (kind.program === programs.server) await armAtNas(nas, jobIds(warmUp + firesPerRound))
  await seedKnowledge(database.sql, keys)
  const running = await start({
    program: kind.program,
    env: { ...serviceEnv(database, nas, keys), NODE_COMPILE_CACHE: programs.cache },
  })
  const tokens = await Promise.all(Array.from({ length: 100 }, () => keys.sign(nas.url)))
  const bodies = Array.from({ length: warmUp + firesPerRound }, (_, n) => fireBody(jobId(n + 1), new Date()))
  await fireAll(running.url, { bodies: bodies.slice(0, warmUp), tokens, connections })
  const before = running.cpuMs()
  const { answers, seconds } = await fireAll(running.url, {
    bodies: bodies.slice(warmUp),
    tokens,
    connections,
  })
  const cpuMs = (running.cpuMs() - before) / firesPerRound
  const expected = kind.least === null ? 200 : 202
  const wrong = answers.find(({ status }) => status !== expected)
  if (wrong) throw new Error(`${kind.name}: ${wrong.status} ${wrong.body}, expected ${expected}`)
  if (kind.least !== null) await untilSettled(database.sql, warmUp + firesPerRound)
  await running.stop()
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
  const pgbenchLine =
    statements.length === 0
      ? 'pgbench is not installed here.'
      : `\`pgbench\` with the same look, claim and settle, prepared, ${statements[0]?.clients} clients: ${show(median(statements.map(({ perSecond }) => perSecond)))} fires' worth of statements per second; the service without NAS does ${show(middle(kinds[1] as Kind, 'perSecond') / median(statements.map(({ perSecond }) => perSecond)))} of that with HTTP, token and decisions on top.`
  return [
    `One process, ${connections} connections, ES256 tokens, ${firesPerRound.toLocaleString('en-US')} jobs with four earlier runs each, fired once each after ${warmUp} to warm up; median of ${rounds} rounds, taken in turn. Each fire leaves one run row, claimed and settled; the action is none, which ends without a call. The load generator, Postgres and NAS share the machine's processors with the server.`,
    '',
    table(
      ['', 'fires/s', 'of the server without a database', 'p99 answer, ms', 'processor ms per fire'],
      rows,
    ),
    '',
    pgbenchLine,
  ].join('\n')
}
