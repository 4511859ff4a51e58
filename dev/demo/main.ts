// `npm run demo`: the whole story in a terminal, in well under a minute. A machine that is off, jobs that have to run
// all the same, a machine that dies in the middle of one, and what it all costs.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createDatabase, migrate } from '../../db/index.ts'
import { buildRelease, startWorld, type World } from '../fly/world.ts'
import { startPostgres } from '../postgres/index.ts'
import { startDemoRelay } from './relay.ts'
import { createTimeline } from './timeline.ts'

const leaseMs = 4_000

async function main() {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-demo-'))
  const line = createTimeline()
  line.say('making a database and the bundle (once, not part of the story)')
  const [postgres, release] = await Promise.all([
    startPostgres({ dataDir: join(folder, 'data'), durable: false }),
    buildRelease(),
  ])
  const relay = await startDemoRelay(folder, line.relay)
  // the beginning of a run is shown, too
  const asKnown: Record<string, string> = { LOG_LEVEL: 'debug' }
  let world: World | undefined
  try {
    await migrate(postgres.url)
    world = await startWorld({
      release,
      databaseUrl: postgres.url,
      machines: 2,
      print: line.fly,
      log: line.log,
      settings: { restart: 'no', killSignal: 'SIGTERM' },
      env: asKnown,
    })
    Object.assign(asKnown, await relay.register(world.fly.url), { RUN_LEASE_MS: String(leaseMs) })
    Object.assign(asKnown, { IDLE_EXIT_MS: String(line.idleMs) })
    await threeJobs(world, line)
    await deathInMidRun(world, line, postgres.url)
    line.bill(world.fly.bill())
  } finally {
    line.end()
    await world?.close()
    await relay.close()
    await postgres.stop()
    await Promise.all([release.remove(), rm(folder, { recursive: true })])
  }
}

type Line = ReturnType<typeof createTimeline>

async function threeJobs(world: World, line: Line) {
  line.chapter('Three jobs are made; then no process is up until they are due')
  const made = [
    await makeJob(world, { name: 'the mail', schedule: 'in 4s' }),
    await makeJob(world, { name: 'the report', schedule: 'in 8s' }),
    await makeJob(world, { name: 'the backup', schedule: 'every 12s', repeat: 1 }),
  ]
  for (const { id, name } of made) line.name(id, name)
  await world.target.waitFor(3, 40_000)
  await allOff(world)
}

async function deathInMidRun(world: World, line: Line, databaseUrl: string) {
  line.chapter('A machine dies in the middle of a run')
  world.target.behave('/long', { does: 'hang', times: 1 })
  const url = `${world.target.url}/long`
  const { id, name } = await makeJob(world, {
    name: 'the import',
    schedule: 'in 2s',
    action: { type: 'http', url },
  })
  line.name(id, name)
  await retryOnce(databaseUrl, id)
  await world.target.waitFor((calls) => calls.some(({ path }) => path === '/long'), 15_000)
  // its wake-up for the end of the lease is confirmed by then
  while (!line.accepted(id)) await delay(20)
  const machine = world.fly.machines.find((one) => one.state() === 'started')
  machine?.crash()
  await world.fly.until(() => machine?.state() === 'stopped')
  line.say(
    `nothing is left of it but a row in Postgres, a lease that ends, and a wake-up that the relay holds`,
  )
  await world.target.waitFor((calls) => calls.filter(({ path }) => path === '/long').length === 2, 30_000)
  await allOff(world)
}

async function makeJob({ api, target }: World, fields: { name: string } & Record<string, unknown>) {
  const action = { type: 'http', url: `${target.url}/${fields.name.split(' ').at(-1)}` }
  const { status, body } = await api('POST', '/api/jobs', { action, ...fields })
  if (!body.job) throw new Error(`the job was answered ${status}: ${JSON.stringify(body)}`)
  return { id: body.job.id, name: fields.name }
}

/** What its author would set: an attempt that was interrupted is made again. */
async function retryOnce(databaseUrl: string, jobId: string) {
  const database = createDatabase({ url: databaseUrl })
  const policy = { retry: { attempts: 2, backoff: 'fixed', delayMs: 100 } }
  await database.run(
    (sql) => sql`update jobs set policy = ${sql.json(policy)}, version = version + 1 where id = ${jobId}`,
  )
  await database.close()
}

const allOff = ({ fly }: World) =>
  fly.until(() => fly.machines.every((machine) => machine.state() === 'stopped'), 20_000)

await main()
process.exit()
