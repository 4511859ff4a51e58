import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDatabase, createStore } from '../../db/index.ts'
import { migrate } from '../../db/migrate.ts'
import { openPool } from '../../db/pool.ts'
import type { TestDatabase } from '../../test/support/database.ts'
import { startPostgres } from '../postgres/index.ts'
import type { Witness } from './effects.ts'
import { failing } from './failing.ts'
import { playOnce } from './kill.ts'
import { addJudgement, emptyJudgement } from './oracle.ts'
import { until } from './process.ts'
import { type Scenario, scenarios } from './scenarios.ts'
import type { StartOutside } from './timers/outside.ts'
import { emptyTold } from './told.ts'
import { type Row, some, sweep } from './sweep.ts'
import { freePort } from '../free-port.ts'

/** PostgreSQL itself dies (SIGQUIT: at once, no checkpoint) at a statement of a fire, and comes back. */
export async function killPostgres(
  witness: Witness,
  { times, random, ...timer }: { times: number; random: () => number; startTimer: StartOutside },
): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-torture-'))
  const dataDir = join(folder, 'data')
  const port = await freePort()
  let server = await startPostgres({ dataDir, port })
  await migrate(server.url)
  const db = createDatabase({ url: server.url, deadlineMs: 1_500 })
  const open = () =>
    openPool({ url: server.url, max: 2, connectTimeoutMs: 5_000, applicationName: 'torture' })
  let pool = open()
  const database: TestDatabase = {
    ...{ url: server.url, db, drop: async () => {} },
    get sql() {
      return pool.sql
    },
  }
  const scenario = scenarios.find(({ name }) => name === 'fire')
  if (!scenario) throw new Error('there is no scenario "fire"')
  const row: Row = {
    scenario: 'fire, PostgreSQL dies',
    retries: true,
    steps: 0,
    repetitions: 0,
    kills: 0,
    judged: emptyJudgement(),
    told: emptyTold(),
    failures: [],
  }
  async function restart() {
    row.kills += 1
    const [pid] = (await readFile(join(dataDir, 'postmaster.pid'), 'utf8')).split('\n')
    process.kill(Number(pid), 'SIGQUIT')
    await until(
      async () => !existsSync(join(dataDir, 'postmaster.pid')) || !isRunning(Number(pid)),
      'PostgreSQL to be gone',
    )
    server = await startPostgres({ dataDir, port })
    void pool.dispose(0)
    pool = open()
  }
  try {
    for (let n = 0; n < times; n++) {
      const store = (clock: () => Date) => {
        const made = failing(createStore(db, clock), restart)
        made.begin(10 + Math.floor(random() * 24))
        return made.store
      }
      const { judged, problems, story } = await playOnce({
        ...{ scenario, retries: true, kills: [], database, witness, ...timer },
        world: { store, patienceMs: 8_000 },
      })
      row.repetitions += 1
      addJudgement(row.judged, judged)
      if (problems.length > 0)
        row.failures.push({ scenario: row.scenario, retries: true, kills: 'PostgreSQL', problems, story })
    }
    return [row]
  } finally {
    await Promise.all([db.close(), pool.dispose(1_000)])
    await server.stop()
    await rm(folder, { recursive: true })
  }
}

/** Everything through Debian's pgbouncer, pooling by transaction; null if it is not installed. */
export async function throughPooler(
  stage: { database: TestDatabase; witness: Witness; startTimer: StartOutside },
  { points, random, wanted }: { points: number; random: () => number; wanted: Scenario[] },
): Promise<Row[] | null> {
  const program = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'].find((path) => existsSync(path))
  if (!program) return null
  const bouncer = await startPooler(program, new URL(stage.database.url))
  const db = createDatabase({ url: bouncer.url })
  try {
    const rows: Row[] = []
    for (const name of [
      'create',
      'edit to earlier',
      'pause',
      'delete',
      'fire',
      'retry at once',
      'two machines, each fire twice',
      'delivery',
      'outcome reported later',
      'chain',
    ]) {
      const scenario = wanted.find((one) => one.name === name)
      if (!scenario) continue
      const world = { store: (clock: () => Date) => createStore(db, clock) }
      rows.push(
        await sweep({ ...stage, scenario, retries: true, world, choose: (all) => some(all, points, random) }),
      )
    }
    return rows
  } finally {
    await db.close()
    await bouncer.stop()
  }
}

async function startPooler(program: string, server: URL) {
  const port = await freePort()
  const name = server.pathname.slice(1)
  const password = decodeURIComponent(server.password)
  const settings = [
    '[databases]',
    `${name} = host=${server.hostname} port=${server.port} dbname=${name} user=${server.username} password=${password}`,
    '[pgbouncer]',
    ...[
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'auth_type = any',
      'pool_mode = transaction',
      'default_pool_size = 4',
    ],
    'ignore_startup_parameters = extra_float_digits',
  ]
  // it refuses to run as root
  const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const file = join(tmpdir(), `chronos-pooler-${port}.ini`)
  await writeFile(file, `${settings.join('\n')}\n`, { mode: 0o644 })
  const child = spawn(program, ['-q', file], { stdio: 'ignore', ...user })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const url = `postgres://${server.username}:${server.password}@127.0.0.1:${port}/${name}?pgbouncer=true`
  const probe = createDatabase({ url })
  await until(
    () =>
      probe
        .run((sql) => sql`select 1`)
        .then(
          () => true,
          () => false,
        ),
    'pgbouncer to answer',
  )
  await probe.close()
  return {
    url,
    async stop() {
      child.kill('SIGKILL')
      await ended
      await rm(file)
    },
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
