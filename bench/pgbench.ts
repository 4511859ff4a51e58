import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { settle } from '../src/decisions/index.ts'
import { claimReady } from '../db/ready.ts'
import { transition } from '../db/transition.ts'
import { jobId, seedJobs } from './seed.ts'
import type { World } from './world.ts'

/** Fires' worth of statements per second: as the service sends them, and of the least that a run could cost. */
export type PgbenchResult = { fires: number; bare: number; clients: number }

const clients = 4
const perClient = 2_000

/**
 * The statements of one fire (claim, settle) as the service sends them, recorded once and replayed by pgbench over as
 * many jobs; beside them, a bare insert and update of one narrow row, each with its commit. Null: there is no pgbench here.
 */
export async function pgbench(world: World): Promise<PgbenchResult | null> {
  const database = await world.database()
  await seedJobs(database.sql, { count: clients * perClient, next: -1, history: 4 })
  await database.sql`create table bare (id uuid primary key, job_id text not null, state text not null, at timestamptz)`
  const fires = await replay(database.url, await record(database.url))
  const bare = await replay(database.url, bareRun)
  await database.drop()
  return fires === null || bare === null ? null : { fires, bare, clients }
}

const bareRun = [
  `insert into bare values (gen_random_uuid(), 'bench', 'running', now()) returning id as run \\gset`,
  `update bare set state = 'succeeded', at = now() where id = :run;`,
  '',
].join('\n')

async function replay(database: string, text: string): Promise<number | null> {
  const script = join(tmpdir(), `chronos-bench-${process.pid}.sql`)
  await writeFile(script, text)
  const url = new URL(database)
  const counts = ['-t', String(perClient - 1), '-c', String(clients), '-D', 'i=0', '-D', `clients=${clients}`]
  const child = spawn('pgbench', ['-n', '-M', 'prepared', ...counts, '-f', script], {
    env: {
      ...{ PATH: process.env['PATH'], PGHOST: url.hostname, PGPORT: url.port, PGUSER: url.username },
      ...{ PGPASSWORD: url.password, PGDATABASE: url.pathname.slice(1) },
    },
  })
  let said = ''
  for (const output of [child.stdout, child.stderr]) output.on('data', (data) => (said += String(data)))
  const status = await once(child, 'close').then(
    ([code]) => code as number,
    () => null,
  )
  if (status === null) return null
  const perSecond = Number(/tps = ([\d.]+)/.exec(said)?.[1])
  if (!(perSecond > 0) || status !== 0) throw new Error(`pgbench said: ${said}`)
  return perSecond
}

/** One job is carried through; what differs from job to job becomes a variable, all else is written out. */
async function record(url: string): Promise<string> {
  const statements: string[] = []
  const sql = postgres(url, {
    ...{ max: 1, fetch_types: false, onnotice: () => {} },
    debug: (_connection, query, parameters: (string | null)[]) =>
      void statements.push(written(query, parameters)),
  })
  // the first of each has its parameters written out (db/wanted.ts)
  await carryThrough(sql, jobId(2), randomUUID())
  await carryThrough(sql, jobId(1), runId)
  await sql.end()
  const [claims = '', settles = ''] = statements.slice(2)
  return [
    // each job once; the first ones were recorded
    `\\set i :i + 1`,
    `\\set n :i * :clients + :client_id + 1`,
    `${claims.replaceAll(':run', runOfJob)} \\gset claim_`,
    `${settles.replaceAll(':run', ':claim_made').replace(':rev', ':claim_new_rev')};`,
    '',
  ].join('\n')
}

async function carryThrough(sql: postgres.Sql, id: string, run: string) {
  const writing = { owner: 'bench', leaseMs: 300_000, begins: true, armLease: null }
  const wish = { jobId: id, runId: run, trigger: 'fire' as const, ...writing }
  const claimed = (await claimReady(sql, [wish], null)).get(id)
  if (!claimed) throw new Error('the job to record was not claimed')
  const { view } = claimed.look
  const done = settle(view, { runId: run, fence: view.runtime.fence, outcome: { state: 'succeeded' } })
  const settling = { ...writing, armSpent: false, output: null, now: null }
  if (!done || !(await transition(sql, view, done, settling)))
    throw new Error('the job to record was not settled')
}

const runId = '00000000-0000-4000-8000-000000000001'
/** Ids of runs ascend, as those of the service do. */
const runOfJob = `concat('00000000-0000-7000-8000-', lpad(to_hex(:n::int), 12, '0'))`

/** With all values written out, but for those that differ from one fire to the next. */
function written(query: string, parameters: (string | null)[]): string {
  const line = query.replaceAll(/--.*$/gm, '').replaceAll(/\s+/g, ' ').trim()
  return line
    .replace(/\$\d+::text::bigint as rev\b/, ':rev::bigint as rev')
    .replaceAll(/\$(\d+)/g, (_match, n: string) => literal(parameters[Number(n) - 1]))
}

function literal(value: string | null | undefined): string {
  if (value === null || value === undefined) return 'null'
  const text = spaced(value)
  if (text === jobId(1)) return `lpad(to_hex(:n::int), 12, '0')`
  if (text === runId) return ':run'
  return `'${text.replaceAll("'", "''")}'`
}

/** A colon before a word would be a variable to pgbench. */
const spaced = (text: string) => text.replaceAll('":', '": ')
