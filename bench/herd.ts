import { fireAll, fireBody } from './load.ts'
import { percentile, show, table } from './numbers.ts'
import { start } from './process.ts'
import { armAtNas, jobId, jobIds, seedJobs, seedKnowledge } from './seed.ts'
import { untilSettled } from './warm.ts'
import { serviceEnv, type World } from './world.ts'

const fires = 10_000
const connections = 256
/** Every tenth fire is sent twice, as a timer that delivers at least once does. */
const twiceEvery = 10

/** The jobs are made ahead of their slot, as those of a service are. */
const seedingMs = 20_000

/** 4. Ten thousand fires at once: none lost, none run twice. */
export async function herd(world: World): Promise<string> {
  const { programs, keys } = world
  const database = await world.database()
  const nas = await world.nas({ holdsFires: true })
  const slot = new Date(Math.ceil(Date.now() / 1000) * 1000 + seedingMs)
  await armAtNas(nas, jobIds(fires), slot)
  await seedJobs(database.sql, { count: fires, next: slot, history: 4 })
  await seedKnowledge(database.sql, keys)
  const env = { ...serviceEnv(database, nas, keys), NODE_COMPILE_CACHE: programs.cache }
  const bodies = Array.from({ length: fires }, (_, n) => fireBody(jobId(n + 1), slot))
  const sent = bodies.flatMap((body, n) => (n % twiceEvery === 0 ? [body, body] : [body]))
  const tokens = await keys.signEach(nas.url, sent.length)
  if (slot <= new Date()) throw new Error(`to make the jobs took longer than ${seedingMs} ms`)
  await new Promise((resolve) => setTimeout(resolve, slot.getTime() - Date.now()))

  const floor = await start({ program: programs.noDatabase, env })
  const plain = await fireAll(floor.url, { bodies: sent, tokens, connections })
  const floorMemory = floor.memory()
  await floor.stop()

  const running = await start({ program: programs.server, env })
  const first = await fireAll(running.url, { bodies: sent, tokens, connections })
  // what was not answered with 2xx is sent again, as NAS does
  let left = first.answers.filter(({ status }) => status >= 300)
  const refused = left.length
  const answers = [...first.answers]
  while (left.length > 0) {
    if (left.some(({ status }) => status !== 503))
      throw new Error(`answered ${left[0]?.status}: ${left[0]?.body}`)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    const again = await fireAll(running.url, {
      bodies: left.map(({ sent: body }) => body),
      tokens,
      connections,
    })
    answers.push(...again.answers)
    left = again.answers.filter(({ status }) => status >= 300)
  }
  await untilSettled(database.sql, fires)
  const [row] = await database.sql<{ jobs: number; runs: number; attempts: number }[]>`
    select count(distinct job_id)::int as jobs, count(*)::int as runs, sum(attempt)::int as attempts
    from runs where trigger <> 'manual'`
  const memory = running.memory()
  await running.stop()
  await nas.stop()
  await database.drop()
  const accepted = answers.filter(({ status }) => status === 202).length
  const ms = (all: typeof answers, share: number) =>
    percentile(
      all.map((answer) => answer.ms),
      share,
    )
  return [
    `${fires.toLocaleString('en-US')} jobs due at once, every tenth fire sent twice: ${sent.length.toLocaleString('en-US')} fires over ${connections} connections, as fast as they are taken, with NAS calls.`,
    '',
    table(
      ['', 'Chronos', 'server without a database', 'ratio'],
      [
        ['jobs without a run (lost)', show(fires - (row?.jobs ?? 0)), '', ''],
        [
          'runs or attempts too many (double)',
          show((row?.runs ?? 0) - fires + (row?.attempts ?? 0) - fires),
          '',
          '',
        ],
        ['answered 202', show(accepted), '', ''],
        ['answered 503, sent again', show(refused), '', ''],
        [
          'fires/s',
          show(sent.length / first.seconds),
          show(sent.length / plain.seconds),
          ratio(plain.seconds, first.seconds),
        ],
        [
          'p50 answer, ms',
          show(ms(answers, 0.5)),
          show(ms(plain.answers, 0.5)),
          ratio(ms(answers, 0.5), ms(plain.answers, 0.5)),
        ],
        [
          'p99 answer, ms',
          show(ms(answers, 0.99)),
          show(ms(plain.answers, 0.99)),
          ratio(ms(answers, 0.99), ms(plain.answers, 0.99)),
        ],
        [
          'peak RSS, MB',
          show(memory.peakMb),
          show(floorMemory.peakMb),
          ratio(memory.peakMb, floorMemory.peakMb),
        ],
      ],
    ),
  ].join('\n')
}

const ratio = (ours: number, floor: number) => `${show(ours / floor)} ×`
