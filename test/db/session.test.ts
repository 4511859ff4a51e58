import assert from 'node:assert/strict'
import { after, test, type TestContext } from 'node:test'
import { createDatabase } from '../../db/client.ts'
import { DatabaseUnavailable } from '../../db/errors.ts'
import { bytea } from '../../db/types.ts'
import { createTestDatabase } from '../support/database.ts'
import { startService } from '../support/service.ts'

const database = await createTestDatabase()
after(() => database.drop())
const name = new URL(database.url).pathname.slice(1)

/** For every connection that is made from now on, until the test is over. */
async function usually(t: TestContext, settings: Record<string, string>) {
  for (const [setting, value] of Object.entries(settings))
    await database.sql.unsafe(`alter database ${name} set ${setting} = ${value}`)
  t.after(() => database.sql.unsafe(`alter database ${name} reset all`))
}

const harmless: Record<string, string>[] = [
  {
    datestyle: "'German'",
    timezone: "'Asia/Kathmandu'",
    intervalstyle: "'sql_standard'",
    bytea_output: "'escape'",
    standard_conforming_strings: 'off',
    extra_float_digits: '0',
    default_transaction_isolation: "'serializable'",
    statement_timeout: "'20s'",
    lock_timeout: "'20s'",
    row_security: 'off',
  },
  {
    datestyle: "'SQL, DMY'",
    timezone: "'America/St_Johns'",
    default_transaction_isolation: "'repeatable read'",
  },
]
for (const settings of harmless) {
  test(`with ${JSON.stringify(settings)} everything is as always`, async (t) => {
    await usually(t, settings)
    const service = await startService({ database })
    t.after(() => service.close())
    const before = Date.now()
    const job = await service.makeJob({ schedule: '0 4 3 2 *' })
    const near = (text: string) => Math.abs(Date.parse(text) - before) < 60_000
    assert.ok(near(job.created_at), job.created_at)
    assert.match(job.next_run_at, /^\d{4}-02-03T04:00:00\.000Z$/)
    const runs = await Promise.all([1, 2, 3].map(() => service.makeJob()))
    const started = await Promise.all(runs.map(({ id }) => service.api('POST', `/api/jobs/${id}/run`)))
    assert.deepEqual(
      started.map(({ status }) => status),
      [202, 202, 202],
    )
    await service.target.waitFor(3)
    for (const { body } of started) {
      let { run } = (await service.api('GET', `/api/runs/${body.run.id}`)).body
      while (run.state !== 'succeeded')
        ({ run } = (await service.api('GET', `/api/runs/${body.run.id}`)).body)
      assert.ok(near(run.claimed_at) && near(run.finished_at))
      const log = await service.api('GET', `/api/runs/${run.id}/logs`)
      assert.equal(log.body, 'ok')
    }
    const { body } = await service.api('GET', '/api/jobs')
    const { jobs } = body as { jobs: { created_at: string }[] }
    assert.ok(jobs.every((listed) => near(listed.created_at)))
    const { entries } = (await service.api('GET', '/api/audit')).body as { entries: { at: string }[] }
    assert.ok(entries.length > 0 && entries.every(({ at }) => near(at)))
  })
}

test('a setting that the URL asks for does not change how times travel', async (t) => {
  const db = createDatabase({
    url: `${database.url}?options=-c%20datestyle%3DGerman%20-c%20timezone%3DAsia/Tokyo`,
  })
  t.after(() => db.close())
  const [row] = await db.run((sql) => sql<{ at: Date }[]>`select '2026-02-03T04:05:06Z'::timestamptz as at`)
  assert.equal(row?.at.toISOString(), '2026-02-03T04:05:06.000Z')
})

test('a server that writes times in another form all the same is not used, and the message says why', async (t) => {
  // stands for a pooler that drops what it is asked for at the start of a session
  const { startFront } = await import('./front.ts')
  const front = await startFront(database.url, { certificate: null, forget: ['DateStyle'] })
  t.after(() => front.close())
  await usually(t, { datestyle: "'German'" })
  const url = new URL(database.url)
  url.port = String(front.port)
  const db = createDatabase({ url: url.href })
  t.after(() => db.close())
  const error: unknown = await db.run((sql) => sql`select 1`).catch((thrown: unknown) => thrown)
  assert.ok(error instanceof DatabaseUnavailable)
  assert.match(error.message, /DateStyle is "German, DMY"/)
})

test('a lock that is not granted in time is a database that is busy, not a bug', async (t) => {
  await usually(t, { lock_timeout: "'50ms'" })
  const [holder, other] = [createDatabase({ url: database.url }), createDatabase({ url: database.url })]
  t.after(() => Promise.all([holder.close(), other.close()]))
  const { promise: isOver, resolve: end } = Promise.withResolvers<void>()
  const { promise: isLocked, resolve: locked } = Promise.withResolvers<void>()
  const holding = holder.transaction(async (tx) => {
    await tx`lock table jobs in access exclusive mode`
    locked()
    await isOver
  })
  await isLocked
  const error: unknown = await other.run((sql) => sql`select from jobs`).catch((thrown: unknown) => thrown)
  end()
  await holding
  assert.ok(error instanceof DatabaseUnavailable, String(error))
  assert.deepEqual([error.reason, error.execution], ['55P03', 'not_executed'])
})

test('bytes are read in both forms that a server may write them in', () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index))
  const escaped = Array.from(bytes, (byte) => {
    if (byte === 92) return '\\\\'
    return byte < 32 || byte > 126 ? `\\${byte.toString(8).padStart(3, '0')}` : String.fromCharCode(byte)
  }).join('')
  assert.deepEqual(bytea.parse(escaped), bytes)
  assert.deepEqual(bytea.parse(bytea.serialize(bytes)), bytes)
})
