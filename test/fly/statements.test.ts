import assert from 'node:assert/strict'
import { test } from 'node:test'
import type postgres from 'postgres'
import { openPool } from '../../db/pool.ts'
import { until } from '../support/until.ts'
import { setup, useRelease } from './setup.ts'

useRelease()

/**
 * The signing keys, the claim, the settle with the log of the attempt, the arm, the look of the boot, which compares
 * what NAS lists, the exit record.
 */
const statementsOfAWake = 6
/** The claim, which notes the process; the settle, the arm, the exit record. */
const writesOfAWake = 4

test('a lone wake asks Postgres six times, and writes four times', async (context) => {
  const world = await setup(context)
  const { database, target, down, fireNow, makeJob } = world
  await through(
    database.url,
    (sql) => sql`insert into facts (name, value) values ('nas_manners', '{"kept":5,"forgot":0}')`,
  )
  // long enough for the machine that made the job to be down before, and for that of the wake before the next one
  const job = await makeJob({ schedule: 'every 30s' })
  // too early a fire, for which nothing is done but to store the signing keys
  assert.equal(await fireNow((await makeJob()).id), 200)
  await down(1)
  await through(database.url, noteWrites)
  const before = await transactions(database.url)
  await target.waitFor(1, 60_000)
  await down(2)
  const after = await transactions(database.url)
  assert.equal(after - before, statementsOfAWake)
  const writes =
    await database.sql`select xid, string_agg(distinct at, ', ' order by at) as tables from writes group by xid`
  assert.equal(writes.length, writesOfAWake, JSON.stringify(writes))
  const [log] = await database.sql`
    select l.total::int from attempt_logs l join runs r on r.id = l.run_id where r.job_id = ${job.id}`
  assert.ok(log?.['total'] > 0)
})

test('a lone wake makes an arm again that NAS has lost', async (context) => {
  const { nas, target, down, makeJob } = await setup(context)
  const lost = await makeJob({ schedule: 'every 1d' })
  // long enough for the machine that made the jobs to be down before
  await makeJob({ schedule: 'every 15s' })
  await down(1)
  nas.lose(lost.id)
  await target.waitFor(1, 60_000)
  await nas.waitFor(() => nas.armed().some(({ job_id }) => job_id === lost.id), 30_000)
})

/** From now on each row that is written leaves its transaction in the table `writes`. */
async function noteWrites(sql: postgres.Sql) {
  await sql`create table writes (xid xid8 not null, at text not null)`
  await sql`
    create function note_write() returns trigger language plpgsql as $$
    begin
      insert into writes values (pg_current_xact_id(), tg_table_name);
      return null;
    end $$`
  const tables = await sql<{ name: string }[]>`
    select quote_ident(tablename) as name from pg_tables where schemaname = 'public' and tablename <> 'writes'`
  for (const { name } of tables)
    await sql.unsafe(
      `create trigger note_write after insert or update or delete on ${name} for each row execute function note_write()`,
    )
}

/**
 * Of the database at `url`, each statement being one, and not those of connecting; read in another one, once no process
 * of the service is connected: Postgres hears of an end later than we do.
 */
async function transactions(url: string): Promise<number> {
  const other = new URL(url)
  const name = other.pathname.slice(1)
  other.pathname = '/postgres'
  const look = () =>
    through(
      other.href,
      (sql) => sql<{ n: number; left: number }[]>`
      select (xact_commit - sessions)::int as n, (select count(*)::int from pg_stat_activity
        where datname = ${name} and application_name <> 'test') as left
      from pg_stat_database where datname = ${name}`,
    )
  return until('no process of the service is connected', async () => {
    const [row] = await look()
    return row?.left === 0 && row.n
  })
}

/** By a connection of its own: what a connection has counted is there for others once it is closed. */
async function through<T>(url: string, ask: (sql: postgres.Sql) => PromiseLike<T>): Promise<T> {
  const { sql, dispose } = openPool({ url, max: 1, connectTimeoutMs: 5_000, applicationName: 'test' })
  try {
    return await ask(sql)
  } finally {
    await dispose(1_000)
  }
}
