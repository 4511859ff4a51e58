import { parseArgs } from 'node:util'
import { apply } from './apply.ts'
import { bill } from './bill.ts'
import { cold } from './cold.ts'
import { day } from './day.ts'
import { growth } from './growth.ts'
import { herd } from './herd.ts'
import { lateness } from './lateness.ts'
import { load, machine } from './machine.ts'
import { type Part, writePage } from './page.ts'
import { peers } from './peers.ts'
import { processes } from './processes.ts'
import { scale } from './scale.ts'
import { view } from './view.ts'
import { warm } from './warm.ts'
import { createWorld, type World } from './world.ts'

/** How long `day` goes on for each of its cases; how many fires `processes` and `scale` measure. */
type Options = { minutes: number; fires: number }

/** `npm run bench [-- name … [--minutes N] [--fires N]]`: takes the named benchmarks, or all, and writes docs/benchmarks.md. */
const benchmarks: Record<
  string,
  { title: string; take: (world: World, options: Options) => Promise<string> }
> = {
  cold: { title: 'Cold start', take: cold },
  warm: { title: 'Fires per second', take: warm },
  peers: { title: 'Claim and settle, beside other queues', take: peers },
  herd: { title: 'The herd', take: herd },
  growth: { title: 'Growth', take: growth },
  bill: { title: 'The bill', take: bill },
  lateness: { title: 'Lateness', take: lateness },
  day: { title: 'Two thousand jobs a minute', take: day },
  processes: { title: 'Processes at one Postgres', take: processes },
  scale: { title: 'A million jobs', take: scale },
  page: { title: 'The page', take: view },
  apply: { title: 'A file of a thousand jobs', take: apply },
}

async function main(): Promise<number> {
  const { positionals: names, values } = parseArgs({
    allowPositionals: true,
    options: { minutes: { type: 'string', default: '10' }, fires: { type: 'string', default: '4000' } },
  })
  const [minutes, fires] = [Number(values.minutes), Number(values.fires)]
  if (![minutes, fires].every((value) => Number.isInteger(value) && value >= 1)) {
    console.error(`--minutes ${values.minutes} --fires ${values.fires}: expected whole numbers from 1`)
    return 2
  }
  const unknown = names.filter((name) => !(name in benchmarks))
  if (unknown.length > 0) {
    console.error(`${unknown.join(', ')}: expected ${Object.keys(benchmarks).join(', ')}`)
    return 2
  }
  const world = await createWorld()
  const parts: Part[] = []
  try {
    for (const [name, { title, take }] of Object.entries(benchmarks)) {
      if (names.length > 0 && !names.includes(name)) continue
      const startedAt = performance.now()
      const before = load()
      const text = await take(world, { minutes, fires })
      const seconds = Math.round((performance.now() - startedAt) / 1000)
      const date = new Date().toISOString().slice(0, 16).replace('T', ' ')
      const where = `*${date} UTC, ${seconds} s; ${machine(world.postgresVersion)}; load average before it ${before}.*`
      parts.push({ name, title, text: `${text.trim()}\n\n${where}` })
      console.log(`\n## ${title} (${seconds} s)\n\n${text}`)
    }
  } finally {
    await world.close()
  }
  await writePage(parts, Object.keys(benchmarks))
  return 0
}

process.exitCode = await main()
