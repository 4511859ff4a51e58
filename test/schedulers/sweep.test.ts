import assert from 'node:assert/strict'
import { test } from 'node:test'
import type postgres from 'postgres'
import { farthestWake, overdueJobs } from '../../db/arms.ts'
import { createSweep } from '../../src/arming/sweep.ts'
import { createTestLog, createTestDelays, openEmptyStore } from './setup.ts'

const opened = await openEmptyStore()

/** A sweep of the real store, whose looks are counted, and with delays of the test. */
function setup({ isWanted = true, fails = false } = {}) {
  const log = createTestLog()
  const { delays, elapse, count } = createTestDelays()
  const seen = { looks: 0, attended: [] as string[], after: 0 }
  const sweep = createSweep({
    store: {
      overdueJobs(wish) {
        seen.looks += 1
        return fails ? Promise.reject(new Error('no database')) : opened.store.overdueJobs(wish)
      },
    },
    fireDue: async (jobId) => {
      seen.attended.push(jobId)
      if (jobId.startsWith('bad')) throw new Error('broken')
    },
    andThen: async () => void (seen.after += 1),
    ...{ isWanted: () => isWanted, delays, log },
  })
  return { sweep, seen, elapse, count, log }
}

test('jobs whose wake time passed over a minute ago are attended to; one that fails stops no other', async () => {
  const late = await opened.job({ schedule: '58 8 * * *' })
  const bad = await opened.job({ schedule: '58 8 * * *' })
  await opened.job({ schedule: '0 9 * * *' })
  const { sweep, seen, log } = setup()
  await opened.sql`update job_runtime set wake_at = wake_at - interval '1 s' where job_id = ${bad}`
  opened.setTime('09:00:00')
  assert.equal(await sweep.run(), 2)
  assert.deepEqual(seen.attended, [bad, late])
  assert.match(log.lines[0]?.message ?? '', /did not call for these jobs/)
})

test('of a thousand fires in one second, the first looks at once and the others share one look after it', async () => {
  const { sweep, seen, elapse } = setup()
  const first = sweep.soon()
  await Promise.all(Array.from({ length: 999 }, () => sweep.soon()))
  assert.equal(await elapse(), 1_000)
  await first
  assert.deepEqual([seen.looks, seen.after], [2, 2])
})

test('a look that fails is logged, and the next fire looks again', async () => {
  const { sweep, seen, log } = setup({ fails: true })
  await sweep.soon()
  await sweep.soon()
  assert.equal(seen.looks, 2)
  assert.equal(log.lines.length, 2)
})

test('a process that goes down, or is the timer itself, does not look', async () => {
  const { sweep, seen } = setup({ isWanted: false })
  await sweep.soon()
  assert.equal(seen.looks, 0)
})

test('of 20,000 jobs a sweep reads those that are overdue, and the sentinel one, by the index on wake times', async () => {
  const { sql } = opened
  const jobId = await opened.job({ schedule: '0 9 * * *' })
  await sql`
    insert into jobs overriding system value
    select (jsonb_populate_record(j, jsonb_build_object('id', lpad(to_hex(n), 12, '0'), 'seq', 100000 + n))).*
    from jobs j, generate_series(1, 20000) n where j.id = ${jobId}`
  await sql`
    insert into job_runtime
    select (jsonb_populate_record(r, jsonb_build_object(
      'job_id', lpad(to_hex(n), 12, '0'), 'wake_at', r.wake_at + n * interval '1 s'))).*
    from job_runtime r, generate_series(1, 20000) n where r.job_id = ${jobId}`
  await sql`analyze job_runtime`
  const now = new Date('2026-06-18T09:01:05Z')
  for (const [name, clock] of Object.entries({ 'of a test': now, 'of Postgres': null })) {
    const plan = await planOf(sql, (explaining) =>
      overdueJobs(explaining, { lateMs: 60_000, limit: 10_000, now: clock }),
    )
    assert.match(plan, /Index Scan using job_runtime_wake/, `the clock ${name}`)
    assert.match(plan, /Index Cond: \(wake_at <= /, `the clock ${name}`)
    assert.doesNotMatch(plan, /Filter|Sort|Seq Scan/, `the clock ${name}`)
    const farthest = await planOf(sql, (explaining) => farthestWake(explaining, clock))
    assert.match(farthest, /Index Scan Backward using job_runtime_wake/)
  }
  assert.equal((await overdueJobs(sql, { lateMs: 60_000, limit: 10_000, now })).length, 6)
  assert.equal((await farthestWake(sql, now))?.jobId, lastId)
})

const lastId = (20_000).toString(16).padStart(12, '0')

/** The plan of the statement that `carryOut` sends, as it is when it is carried out. */
async function planOf(
  sql: postgres.Sql,
  carryOut: (explaining: postgres.Sql) => Promise<unknown>,
): Promise<string> {
  let plan = ''
  const explaining = async (strings: TemplateStringsArray, ...values: never[]) => {
    const text = [`explain (analyze, costs off, timing off) ${strings[0]}`, ...strings.slice(1)]
    const rows = await sql(Object.assign(text, { raw: text }), ...values)
    plan = rows.map((row) => String(row['QUERY PLAN'])).join('\n')
    return []
  }
  await carryOut(explaining as unknown as postgres.Sql)
  return plan
}
