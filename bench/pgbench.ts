import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { attend, settle, viewAfter } from '../src/decisions/index.ts'
import { lookAll } from '../db/look.ts'
import { transition } from '../db/transition.ts'
import { jobId, seedJobs } from './seed.ts'
import type { World } from './world.ts'

export type PgbenchResult = { perSecond: number; clients: number }

const clients = 4
const jobs = 1_000

/**
 * The statements of one fire (look, claim, settle) as the service sends them, recorded once and replayed by pgbench
 * over many jobs. Null: there is no pgbench here.
 */
export async function pgbench(world: World): Promise<PgbenchResult | null> {
  const database = await world.database()
  await seedJobs(database.sql, { count: jobs, nextInS: -1, history: 4 })
  const script = join(tmpdir(), `chronos-bench-${process.pid}.sql`)
  await writeFile(script, await record(database.url))
  const url = new URL(database.url)
  const args = ['-n', '-M', 'prepared', '-T', '3', '-c', String(clients), '-f', script]
  const child = spawn('pgbench', args, {
    env: {
      ...{ PATH: process.env['PATH'], PGHOST: url.hostname, PGPORT: url.port, PGUSER: url.username },
      ...{ PGPASSWORD: url.password, PGDATABASE: url.pathname.slice(1) },
    },
  })
  let text = ''
  for (const output of [child.stdout, child.stderr]) output.on('data', (data) => (text += String(data)))
  const status = await once(child, 'close').then(
    ([code]) => code as number,
    () => null,
  )
  await database.drop()
  if (status === null) return null
  const perSecond = Number(/tps = ([\d.]+)/.exec(text)?.[1])
  if (!(perSecond > 0)) throw new Error(`pgbench said: ${text}`)
  return { perSecond, clients }
}

/** One job is carried through; what differs from job to job becomes a variable, all else is written out. */
async function record(url: string): Promise<string> {
  const statements: string[] = []
  let slot = ''
  const sql = postgres(url, {
    ...{ max: 1, fetch_types: false, onnotice: () => {} },
    debug: (_connection, query, parameters: (string | null)[]) =>
      void statements.push(written(query, parameters, slot)),
  })
  const seen = (await lookAll(sql, [jobId(1)], null)).get(jobId(1))
  if (!seen) throw new Error('the job to record is not there')
  slot = seen.view.runtime.nextSlot?.toISOString() ?? ''
  const writing = {
    owner: 'bench',
    leaseMs: 300_000,
    begins: true,
    armSpent: true,
    armLease: null,
    output: null,
    now: null,
  }
  const decision = attend(seen.view, { trigger: 'fire', fireAt: null, earlyMs: 0, newRunId: () => runId })
  const claimed = decision && (await transition(sql, seen.view, decision, writing))
  if (!decision || !claimed) throw new Error('the job to record was not claimed')
  const view = viewAfter(seen.view, decision, { ...claimed, owner: 'bench' })
  const done = settle(view, { runId, fence: 1, outcome: { state: 'succeeded' } })
  if (!done || !(await transition(sql, view, done, { ...writing, armSpent: false })))
    throw new Error('the job to record was not settled')
  await sql.end()
  const [looks = '', claims = '', settles = ''] = statements
  return [
    `\\set n random(1, ${jobs})`,
    // every client keeps to jobs of its own, so that no write loses its compare-and-set
    `\\set n :n - mod(:n, ${clients}) + :client_id + 1`,
    `select lpad(to_hex(:n::int), 12, '0') as job, gen_random_uuid() as run, clock_timestamp()::text as slot \\gset`,
    `${looks} \\gset look_`,
    `\\set rev :look_rev + 1`,
    `${claims.replace(':rev', ':look_rev')} \\gset claim_`,
    `${settles} \\gset settle_`,
    '',
  ].join('\n')
}

const runId = '00000000-0000-4000-8000-000000000001'

/** With all values written out, but for those that differ from one fire to the next. */
function written(query: string, parameters: (string | null)[], slot: string): string {
  const line = query.replaceAll(/\s+/g, ' ').trim()
  return line
    .replace(/\$\d+::text::bigint as rev\b/, ':rev::bigint as rev')
    .replaceAll(/\$(\d+)/g, (_match, n: string) => literal(parameters[Number(n) - 1], slot))
}

function literal(value: string | null | undefined, slot: string): string {
  if (value === null || value === undefined) return 'null'
  const text = spaced(value)
  if (text === jobId(1)) return ':job::text'
  if (text === runId) return ':run::uuid'
  if (text === slot) return ':slot::timestamptz'
  return `'${text.replaceAll("'", "''")}'`
}

/** A colon before a word would be a variable to pgbench. */
const spaced = (text: string) => text.replaceAll('":', '": ')
