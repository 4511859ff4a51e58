// `npm run torture [-- --timer NAME] [--seed N] [--only TEXT] [--random N] [--quick]`: everything that can die dies, everything that can lie lies.
import { parseArgs } from 'node:util'
import { createTestDatabase } from '../../test/support/database.ts'
import { startTestCluster } from '../../test/support/cluster.ts'
import { startWitness } from './effects.ts'
import { mannerScenariosOf } from './manners.ts'
import { killPostgres, throughPooler } from './postgres.ts'
import { tableOf, toldTableOf } from './report.ts'
import { scenarios } from './scenarios.ts'
import { createRandom, type Failure, type Row, type Sweep, several, some, sweep } from './sweep.ts'
import { timers, type TorturedTimer } from './timers/index.ts'
import type { StartOutside } from './timers/outside.ts'

const { values } = parseArgs({
  options: {
    timer: { type: 'string', default: 'nas' },
    seed: { type: 'string' },
    only: { type: 'string' },
    random: { type: 'string', default: '40' },
    quick: { type: 'boolean', default: false },
  },
})
const timer = chosen(values.timer)
const omitted = new Set(timer.omitted.map(([what]) => what))
const played = scenarios.filter(({ name }) => !omitted.has(name))
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000_000))
const random = createRandom(seed)
const startedAt = performance.now()
const say = (line = '') => void process.stdout.write(`${line}\n`)

async function main(): Promise<number> {
  say(
    `timer ${timer.title}, seed ${seed} (again with: npm run torture -- --timer ${values.timer} --seed ${seed})`,
  )
  for (const [what, why] of timer.omitted) say(`not played: ${what}: ${why}`)
  const cluster = await startTestCluster()
  process.env['CHRONOS_TEST_PG'] = cluster.url
  const severalDeathsTitle = `Two${timer.mostDeaths === 2 ? '' : ' or three'} processes die one after the other`
  const failures: Failure[] = []
  try {
    failures.push(...(await part('A process dies before and after each of its steps', everyStep)))
    failures.push(...(await part(severalDeathsTitle, severalDeaths)))
    failures.push(...(await part(`${timer.title} misbehaves, undisturbed and with deaths`, misbehaving)))
    failures.push(...(await part('PostgreSQL dies at a statement and comes back', dyingPostgres)))
    failures.push(...(await part('Through a transaction pooler', pooled)))
  } finally {
    await cluster.stop()
  }
  for (const failure of failures.slice(0, 20)) tell(failure)
  const minutes = Math.round((performance.now() - startedAt) / 6_000) / 10
  say(
    `${failures.length === 0 ? 'nothing was broken' : `${failures.length} repetitions broke something`} in ${minutes} min, seed ${seed}`,
  )
  return failures.length === 0 ? 0 : 1
}

type Stage = {
  database: Awaited<ReturnType<typeof createTestDatabase>>
  witness: Awaited<ReturnType<typeof startWitness>>
  startTimer: StartOutside
}

async function part(title: string, play: (stage: Stage) => Promise<Row[]>): Promise<Failure[]> {
  say(`\n${title}\n`)
  const startTimer = timer.start
  const stage = { database: await createTestDatabase(), witness: await startWitness(), startTimer }
  try {
    const rows = await play(stage)
    if (rows.length === 0) return []
    for (const line of tableOf(rows)) say(line)
    const outcomes = toldTableOf(rows)
    if (outcomes.length > 0) say('\nWhat followed from the outcomes:\n')
    for (const line of outcomes) say(line)
    return rows.flatMap((row) => row.failures)
  } finally {
    await stage.witness.close()
    await stage.database.drop()
  }
}

const wanted = <T extends { name: string }>(all: T[]) =>
  all.filter(({ name }) => name.includes(values.only ?? ''))

/** All of them; of a taste, some: each is played without deaths as well, which takes as long as with them. */
const tasted = <T>(all: T[]) => (values.quick ? all.filter(() => random() < 0.3) : all)

/** A line for the impatient; the table comes at the end of the part. */
async function told(play: Sweep): Promise<Row> {
  const row = await sweep(play)
  const broken = row.failures.length === 0 ? '' : `, ${row.failures.length} BROKEN`
  process.stderr.write(`  ${row.scenario}: ${row.repetitions} played, ${row.kills} deaths${broken}\n`)
  return row
}

async function everyStep(stage: Stage): Promise<Row[]> {
  const rows: Row[] = []
  for (const scenario of wanted(played)) {
    for (const retries of [false, true]) {
      if (scenario.retries && !retries) continue
      rows.push(
        await told({
          ...stage,
          scenario,
          retries,
          ...(values.quick ? { choose: (points) => some(points, 3, random) } : {}),
        }),
      )
    }
  }
  return rows
}

async function severalDeaths(stage: Stage): Promise<Row[]> {
  const rows: Row[] = []
  const count = values.quick ? 2 : Number(values.random)
  for (const scenario of tasted(wanted(played))) {
    rows.push(
      await told({
        ...stage,
        scenario,
        retries: true,
        choose: (points) => several(points, count, random, timer.mostDeaths),
      }),
    )
  }
  return rows
}

async function misbehaving(stage: Stage): Promise<Row[]> {
  const deaths = values.quick ? 2 : 20
  const rows: Row[] = []
  for (const scenario of tasted(wanted(mannerScenariosOf(timer)))) {
    rows.push(
      await told({
        ...stage,
        scenario,
        retries: true,
        choose: (points) => some(points, scenario.deaths ? deaths : 0, random),
      }),
    )
  }
  return rows
}

async function dyingPostgres({ witness, startTimer }: Stage): Promise<Row[]> {
  if (values.only) return []
  return killPostgres(witness, { times: values.quick ? 3 : 20, random, startTimer })
}

async function pooled(stage: Stage): Promise<Row[]> {
  if (values.only) return []
  const rows = await throughPooler(stage, { points: values.quick ? 4 : 40, random, wanted: played })
  if (!rows) say('pgbouncer is not installed (apt-get install pgbouncer): this part was not played')
  return rows ?? []
}

function chosen(name: string): TorturedTimer {
  const found = timers[name]
  if (!found) {
    process.stderr.write(`--timer is ${name}. Choose one of ${Object.keys(timers).join(', ')}\n`)
    process.exit(64)
  }
  return found
}

function tell({ scenario, retries, kills, problems, story }: Failure) {
  say(`\n✖ ${scenario}, retries ${retries ? 'on' : 'off'}, killed ${kills}`)
  for (const problem of problems.slice(0, 5)) say(`  ${problem}`)
  if (process.env['TORTURE_STORY']) for (const line of story) say(`    ${line}`)
}

process.exit(await main())
