import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { median, show, table } from './numbers.ts'
import { seedJobs } from './seed.ts'
import type { World } from './world.ts'

type Take = { perSecond: number; startMs: number; rssMb: number }
type Kind = { name: string; program: (world: World) => string; isOurs?: boolean }

const rounds = 5
const jobs = 2_000

const graphile: Kind = { name: 'graphile-worker', program: () => pathOf('peer-graphile.ts') }
const boss: Kind = { name: 'pg-boss: fetch one, complete one', program: () => pathOf('peer-boss.ts') }
const ours = (name: string): Kind => ({ name, program: ({ programs }) => programs.carrier, isOurs: true })

/** Each as it is shipped: ours bundled, the others from their packages. */
const races: { concurrency: number; isShared: boolean; kinds: [Kind, ...Kind[]] }[] = [
  { concurrency: 8, isShared: false, kinds: [ours('Chronos: one job per statement'), graphile, boss] },
  { concurrency: 32, isShared: true, kinds: [ours('Chronos: as for a crowd'), graphile, boss] },
]

/** 3. Claim and settle through our functions, against what two queues do for a job that does nothing. */
export async function peers(world: World): Promise<string> {
  const parts: string[] = []
  for (const race of races) {
    const takes = new Map<Kind, Take[]>(race.kinds.map((kind) => [kind, []]))
    for (let round = 0; round <= rounds; round++) {
      for (const kind of race.kinds) {
        const take = await takeOnce(world, kind, race)
        if (round > 0) takes.get(kind)?.push(take)
      }
    }
    const middle = (kind: Kind, field: keyof Take) =>
      median((takes.get(kind) ?? []).map((take) => take[field]))
    const [first] = race.kinds
    const rows = race.kinds.map((kind) => {
      const perSecond = middle(kind, 'perSecond')
      const ratio = middle(first, 'perSecond') / perSecond
      const judged = kind === first ? '' : `${show(ratio)} × (${ratio > 1 ? 'ahead' : '**behind**'})`
      return [kind.name, show(perSecond), judged, show(middle(kind, 'startMs')), show(middle(kind, 'rssMb'))]
    })
    parts.push(
      `${race.concurrency} under way at a time, ${race.isShared ? 'those of Chronos over 4 connections, sharing statements as in the service' : 'over as many connections'}:`,
      table(['', 'jobs/s', 'Chronos against it', 'start, ms', 'RSS, MB'], rows),
    )
  }
  return [
    `${jobs.toLocaleString('en-US')} jobs that do nothing, each in a process and a migrated database of its own, ours bundled as it is shipped, the others from their packages; median of ${rounds} rounds, taken in turn. Chronos: the claim that was decided beforehand, then the settle; pg-boss keeps its history as we do, graphile-worker deletes the job. Start: from having the modules loaded to the first job taken. RSS: at the end.`,
    ...parts,
  ].join('\n\n')
}

async function takeOnce(
  world: World,
  kind: Kind,
  { concurrency, isShared }: { concurrency: number; isShared: boolean },
): Promise<Take> {
  const database = await world.database()
  if (kind.isOurs) await seedJobs(database.sql, { count: jobs, next: -1, history: 4 })
  const env = {
    PATH: process.env['PATH'],
    DATABASE_URL: database.url,
    JOBS: String(jobs),
    AT_ONCE: String(concurrency),
    SHARED: isShared ? '1' : '',
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
