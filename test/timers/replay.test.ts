import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { freePort } from '../../dev/free-port.ts'
import { startQstash } from '../../dev/qstash/index.ts'
import { startTarget } from '../../dev/target/index.ts'
import { startProcess } from '../../dev/torture/process.ts'
import { createTestDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'

type Service = Awaited<ReturnType<typeof startProcess>>

/** QStash, and what it takes to start one process after the other at the address that it calls. */
async function setup(t: TestContext) {
  const database = await createTestDatabase()
  const [qstash, target, port] = [await startQstash(), await startTarget(), await freePort()]
  const started: Service[] = []
  t.after(async () => {
    for (const service of started) service.signal('SIGKILL')
    await Promise.all(started.map(({ ended }) => ended))
    await Promise.all([qstash.close(), target.close()])
    await database.drop()
  })
  const start = async () => {
    const service = await startProcess(port, {
      DATABASE_URL: database.url,
      CALLBACK_URL: `http://127.0.0.1:${port}`,
      ...qstash.environment(),
    })
    started.push(service)
    await until('its boot is over', () => service.lines.some((line) => line.includes('"reconciled"')) || null)
    return service
  }
  /** What a fire may change: rows of the job, messages and calls at QStash, calls of the target. */
  const everything = async () => ({
    runtime: await database.sql`select * from job_runtime order by job_id`,
    runs: await database.sql`select * from runs order by seq`,
    folded: await database.sql`select * from folded_slots order by id`,
    orphans: await database.sql`select * from orphans order by job_id`,
    pending: qstash.pending().map(({ messageId }) => messageId),
    asked: qstash.calls.length,
    called: target.calls.length,
  })
  /** The delivery of QStash once more, byte by byte. */
  const replay = async () => {
    const [sent] = qstash.deliveries
    assert.ok(sent, 'QStash has delivered')
    const { headers, body } = sent
    const answer = await fetch(`http://127.0.0.1:${port}/api/cron/fire`, { method: 'POST', headers, body })
    return [answer.status, ((await answer.json()) as { status?: string; code?: string }) ?? {}] as const
  }
  return { database, qstash, target, start, everything, replay }
}

/** A minute apart, from about three seconds from now: the second is near enough to be taken early by a fire for it. */
function twoSlots(): { schedule: string; second: Date } {
  const first = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 3_000)
  const second = new Date(first.getTime() + 60_000)
  const minutes = [first.getUTCMinutes(), second.getUTCMinutes()]
  return { schedule: `${first.getUTCSeconds()} ${minutes.join(',')} * * * *`, second }
}

test('a signed message that was acknowledged changes nothing when it comes again, to this process or to the next', async (t) => {
  const { database, qstash, target, start, everything, replay } = await setup(t)
  const first = await start()
  const { schedule, second } = twoSlots()
  const action = { type: 'http', url: `${target.url}/hook` }
  const made = await first.api('POST', '/api/jobs', { name: 'a job', schedule, action })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  await until(
    'its fire is acknowledged',
    () => qstash.deliveries.some(({ status }) => status === 202) || null,
  )
  await until('the run has ended and the next wake-up stands alone', async () => {
    const [row] = await database.sql`
      select (select count(*)::int from runs where finished_at is null) as live,
        (select armed_gen = wake_gen from job_runtime) as is_armed`
    return (row?.['live'] === 0 && row['is_armed'] && qstash.pending().length === 1) || null
  })

  const [refused, problem] = await replay()
  assert.deepEqual([refused, problem.code], [401, 'TOKEN_REJECTED'], 'the process that did it remembers')

  first.signal('SIGKILL')
  await first.ended
  await start()
  const before = await everything()
  assert.deepEqual([before.called, before.pending.length], [1, 1])
  assert.deepEqual(await replay(), [200, { status: 'duplicate' }], 'the next one finds its slot taken')
  assert.equal((await replay())[0], 401, 'and has acknowledged it then')
  assert.deepEqual(await everything(), before)
  assert.ok(new Date() < second, 'the second slot was near, and no replay took it')
})
