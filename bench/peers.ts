import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { median, show, table } from './numbers.ts'
import { seedJobs } from './seed.ts'
import type { World } from './world.ts'

type Take = { perSecond: number; startMs: number; rssMb: number }
type Kind = { name: string; program: (world: World) => string }

const rounds = 5
const jobs = 2_000
const concurrency = 8

/** Each as it is shipped: ours bundled, the others from their packages. */
const kinds: Kind[] = [
  { name: 'Chronos: claim + settle', program: ({ programs }) => programs.carrier },
  { name: 'graphile-worker: one job at a time for each of 8', program: () => pathOf('peer-graphile.ts') },
  { name: 'pg-boss: fetch one, complete one', program: () => pathOf('peer-boss.ts') },
]

/** 3. Claim and settle through our functions, against what two queues do for a job that does nothing. */
export async function peers(world: World): Promise<string> {
  const takes = new Map<Kind, Take[]>(kinds.map((kind) => [kind, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const kind of kinds) {
      const take = await takeOnce(world, kind)
      if (round > 0) takes.get(kind)?.push(take)
    }
  }
  const middle = (kind: Kind, field: keyof Take) => median((takes.get(kind) ?? []).map((take) => take[field]))
  const [ours] = kinds as [Kind, ...Kind[]]
  const rows = kinds.map((kind) => {
    const perSecond = middle(kind, 'perSecond')
    const ratio = middle(ours, 'perSecond') / perSecond
    const judged = kind === ours ? '' : `${show(ratio)} × (${ratio > 1 ? 'ahead' : '**behind**'})`
    return [kind.name, show(perSecond), judged, show(middle(kind, 'startMs')), show(middle(kind, 'rssMb'))]
  })
  return [
    `${jobs.toLocaleString('en-US')} jobs that do nothing, ${concurrency} under way at a time, one job per statement, each in a process and a migrated database of its own, ours bundled as it is shipped, the others from their packages; median of ${rounds} rounds, taken in turn. Chronos: look, claim, settle, never two jobs in one statement (as the service does it for a crowd). Start: from having the modules loaded to the first job taken. RSS: at the end.`,
    '',
    table(['', 'jobs/s', 'Chronos against it', 'start, ms', 'RSS, MB'], rows),
  ].join('\n')
}

async function takeOnce(world: World, kind: Kind): Promise<Take> {
  const database = await world.database()
  if (kind === kinds[0]) await seedJobs(database.sql, { count: jobs, nextInS: -1, history: 4 })
  const env = {
    PATH: process.env['PATH'],
    DATABASE_URL: database.url,
    JOBS: String(jobs),
    AT_ONCE: String(concurrency),
  }
  const child = spawn(process.execPath, [kind.program(world)], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (data) => (text += String(data)))
  const [code] = (await once(child, 'close')) as [number | null]
  await database.drop()
  if (code !== 0) throw new Error(`${kind.name} ended with ${code}: ${text}`)
  return JSON.parse(text.trim().split('\n').at(-1) ?? '') as Take
}

function pathOf(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url))
}
