import { apply } from './apply.ts'
import { bill } from './bill.ts'
import { cold } from './cold.ts'
import { day } from './day.ts'
import { growth } from './growth.ts'
import { herd } from './herd.ts'
import { lateness } from './lateness.ts'
import { load, machine } from './machine.ts'
import { type BenchmarkName, benchmarkNames, type Options, readCommandLine } from './options.ts'
import { type Part, writePage } from './page.ts'
import { peers } from './peers.ts'
import { processes } from './processes.ts'
import { scale } from './scale.ts'
import { view } from './view.ts'
import { warm } from './warm.ts'
import { createWorld, type World } from './world.ts'

/** `npm run bench [-- name … [--minutes N] [--only words] [--fires N]]`: takes the named benchmarks, or all, and writes docs/benchmarks.md. */
const benchmarks: Record<
  BenchmarkName,
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
  let command: { names: BenchmarkName[]; options: Options }
  try {
    command = readCommandLine(process.argv.slice(2))
  } catch (error) {
    console.error((error as Error).message)
    return 2
  }
  const { names, options } = command
  const world = await createWorld()
  const parts: Part[] = []
  try {
    for (const name of benchmarkNames) {
      if (names.length > 0 && !names.includes(name)) continue
      const { title, take } = benchmarks[name]
      const startedAt = performance.now()
      const before = load()
      const text = await take(world, options)
      const seconds = Math.round((performance.now() - startedAt) / 1000)
      const date = new Date().toISOString().slice(0, 16).replace('T', ' ')
      const where = `*${date} UTC, ${seconds} s; ${machine(world.postgresVersion)}; load average before it ${before}.*`
      parts.push({ name, title, text: `${text.trim()}\n\n${where}` })
      console.log(`\n## ${title} (${seconds} s)\n\n${text}`)
    }
  } finally {
    await world.close()
  }
  // a part of a benchmark is no page
  if (options.only === '') await writePage(parts, [...benchmarkNames])
  return 0
}

process.exitCode = await main()
