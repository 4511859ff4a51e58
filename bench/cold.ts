import { type Away, moveAway } from './away.ts'
import { fireAll, fireBody, fireOn } from './load.ts'
import { median, percentile, reach, show, table } from './numbers.ts'
import { start } from './process.ts'
import { armAtNas, jobId, jobIds, makeDue, seedJobs, seedKnowledge } from './seed.ts'
import { serviceEnv, type World } from './world.ts'

type Kind = { name: string; program: string; env: Record<string, string>; away?: Away }
/** Resident memory after so many fires whose runs call nothing, and after as many that call a target. */
type Memory = { noneMb: number; httpMb: number }
type Boot = { listeningMs: number; answeredMs: number; rssMb: number; asked: number }

const rounds = 21
const fires = 1_000
const memoryRounds = 3
const jobs = 7_000

/** 1. Spawn to listening, spawn to the first 202, and memory after 1,000 fires, against a bare `node:http`. */
export async function cold(world: World): Promise<string> {
  const { programs, keys } = world
  const { database, nas, env, fireOf, end } = await place(world, [])
  const cached = { NODE_COMPILE_CACHE: programs.cache }
  const distances = await Promise.all([2, 30].map((ms) => moveAway(ms, database, nas)))
  const kinds: Kind[] = [
    { name: 'bare `node:http`', program: programs.bare, env: {} },
    {
      name: 'Chronos, as the image has it',
      program: programs.server,
      env: { ...env, ...cached },
    },
    {
      // nothing answers there: what is pushed is pushed at the exit
      name: 'Chronos, as the image has it, with a push of metrics and traces',
      program: programs.server,
      env: { ...env, ...cached, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' },
    },
    { name: 'Chronos, without any compile cache', program: programs.alone, env },
    ...distances.flatMap((away) =>
      [
        { how: '', query: '' },
        { how: ', `login=ahead`', query: '?login=ahead' },
      ].map(({ how, query }) => ({
        name: `Chronos, as the image has it, ${away.ms} ms from Postgres and NAS${how}`,
        program: programs.server,
        env: {
          ...env,
          ...cached,
          DATABASE_URL: away.databaseUrl + query,
          NAS_PORTAL_URL: away.portalUrl,
        },
        away,
      })),
    ),
  ]
  const boots = new Map<Kind, Boot[]>(kinds.map((kind) => [kind, []]))
  const token = await keys.sign(nas.url)
  const tokens = new Map(
    await Promise.all(
      kinds.map(async (kind) => [kind, await keys.sign(kind.away?.portalUrl ?? nas.url)] as const),
    ),
  )
  for (let round = 0; round <= rounds; round++) {
    for (const kind of kinds) {
      const body = await fireOf()
      const boot = await bootOnce(kind, body, tokens.get(kind) ?? token)
      // the first of each has files to read that are in memory afterwards
      if (round > 0) boots.get(kind)?.push(boot)
    }
  }
  const target = await start({ program: programs.bare, env: {} })
  const calling = await place(world, [`${target.url}/`])
  const memory = new Map<Kind, Memory>()
  for (const kind of kinds.slice(0, 2)) {
    const [none, http] = [[], []] as [number[], number[]]
    for (let round = 0; round < memoryRounds; round++) {
      none.push(await memoryAfter(kind, await firesOf(fireOf, nas.url)))
      http.push(
        await memoryAfter(
          { ...kind, env: { ...kind.env, ...calling.env } },
          await firesOf(calling.fireOf, calling.nas.url),
        ),
      )
    }
    memory.set(kind, { noneMb: median(none), httpMb: median(http) })
  }
  await Promise.all(distances.map((away) => away.close()))
  await Promise.all([end(), calling.end(), target.stop()])
  return report(kinds, boots, memory)

  async function firesOf(next: () => Promise<string>, issuer: string) {
    const bodies: string[] = []
    while (bodies.length < fires) bodies.push(await next())
    return { bodies, tokens: await keys.signEach(issuer, fires) }
  }
}

async function memoryAfter(kind: Kind, sent: { bodies: string[]; tokens: string[] }): Promise<number> {
  const running = await start(kind)
  await fireAll(running.url, { ...sent, connections: 8 })
  const { rssMb } = running.memory()
  await running.stop()
  return rssMb
}

/** A database and a timer with jobs that call `targets`, or nothing. `fireOf`: the body of a fire of the next of them, which is due then. */
async function place({ database: newDatabase, nas: newNas, keys }: World, targets: string[]) {
  const database = await newDatabase()
  const nas = await newNas()
  // none of them is due by itself: what is overdue would be attended to at each boot
  await seedJobs(database.sql, { count: jobs, next: 3_600, targets })
  await armAtNas(nas, jobIds(jobs))
  await seedKnowledge(database.sql, keys)
  let job = 0
  return {
    ...{ database, nas, env: serviceEnv(database, nas, keys) },
    async fireOf(): Promise<string> {
      const id = jobId(++job)
      return fireBody(id, await makeDue(database.sql, id))
    },
    async end() {
      await nas.stop()
      await database.drop()
    },
  }
}

async function bootOnce(kind: Kind, body: string, token: string): Promise<Boot> {
  kind.away?.asked()
  const running = await start(kind)
  const status = await fireOn(running.socket, body, token)
  const answeredMs = performance.now() - running.spawnedAt
  const asked = kind.away?.asked()
  const { rssMb } = running.memory()
  await running.stop()
  if (status !== 202) throw new Error(`${kind.name} answered the first fire with ${status}, expected 202`)
  return {
    listeningMs: running.listeningMs,
    answeredMs,
    rssMb,
    asked: asked ? asked.database + asked.nas : 0,
  }
}

function report(kinds: Kind[], boots: Map<Kind, Boot[]>, memory: Map<Kind, Memory>): string {
  const [floor, shipped] = kinds as [Kind, Kind, ...Kind[]]
  const of = (kind: Kind, field: keyof Boot) => (boots.get(kind) ?? []).map((boot) => boot[field])
  const middle = (kind: Kind, field: keyof Boot) => median(of(kind, field))
  const cell = (kind: Kind, field: keyof Boot, most: number) => {
    const ratio = middle(kind, field) / middle(floor, field)
    const figures = `${show(middle(kind, field))} (p99 ${show(percentile(of(kind, field), 0.99))})`
    if (kind === floor) return figures
    const judged = kind === shipped ? ` (${reach(ratio, { most })})` : ''
    return `${figures} = ${show(ratio)} ×${judged}`
  }
  const memoryCell = (kind: Kind, field: keyof Memory, most: number) => {
    const mb = memory.get(kind)?.[field]
    if (mb === undefined) return '–'
    const ratio = mb / (memory.get(floor)?.[field] ?? Number.NaN)
    return kind === floor ? show(mb) : `${show(mb)} = ${show(ratio)} × (${reach(ratio, { most })})`
  }
  /** The round trips that it waited for, in time; and all that it made. */
  const waitedCell = (kind: Kind) => {
    if (!kind.away) return '–'
    const waited = (middle(kind, 'answeredMs') - middle(shipped, 'answeredMs')) / kind.away.measuredMs
    const judged = kind.away.ms === 30 ? ` (${reach(waited, { most: 4 })})` : ''
    return `${show(waited)}${judged}, of ${show(middle(kind, 'asked'))}, at ${show(kind.away.measuredMs)} ms each`
  }
  const rows = kinds.map((kind) => [
    kind.name,
    cell(kind, 'listeningMs', 1.6),
    cell(kind, 'answeredMs', 2.6),
    show(middle(kind, 'rssMb')),
    memoryCell(kind, 'noneMb', 1.45),
    memoryCell(kind, 'httpMb', 1.6),
    waitedCell(kind),
  ])
  return [
    `Median of ${rounds} boots each, taken in turn. Listening: from the spawn until the port takes a connection; first 202: from the spawn until the answer to a fire sent on that connection (claimed, armed with NAS and confirmed). The signing keys are in Postgres; every in-process cache is empty. Away: a proxy holds back what passes, connecting included; the round trips waited for are what the answer came later for that, in time, of those that were begun until then (TCP, password, statements, the arm): what goes on while the program is loaded is not waited for.`,
    '',
    table(
      [
        '',
        'listening, ms',
        'first 202, ms',
        'RSS then, MB',
        `RSS after ${fires.toLocaleString('en-US')} fires, MB`,
        'the same, each run calls a target',
        'round trips waited for',
      ],
      rows,
    ),
  ].join('\n')
}
