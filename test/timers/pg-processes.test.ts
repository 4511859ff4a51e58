import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { startPgTimer } from '../../dev/pg-timer/index.ts'
import { setup, useRelease } from '../fly/setup.ts'
import { until } from '../support/until.ts'

// The program as it is shipped, in processes that are off until Postgres calls, and that are killed.

useRelease()

async function world(context: TestContext) {
  const env = {
    ...{ CRON_PROVIDER: 'pg', ENCRYPTION_KEY: randomBytes(32).toString('base64') },
    RUN_LEASE_MS: '2000',
  }
  // what is registered first is closed first: the database goes last
  let close = async () => {}
  context.after(() => close())
  // nothing but the timer starts a machine that has died
  const setting = await setup(context, { env, settings: { restart: 'no' } })
  const timer = await startPgTimer({ database: setting.database, everyMs: 200 })
  ;({ close } = timer)
  return { ...setting, timer }
}

test('a machine that is off is started by a look, runs the job once, and goes', async (context) => {
  const { timer, target, makeJob, down, ended } = await world(context)
  timer.hold()
  const job = await makeJob({ schedule: 'every 3s', repeat: 2 })
  assert.equal(job.armed, true)
  await down()
  timer.release()
  await target.waitFor(2, 30_000)
  await ended(job.id)
  await down(2)
  const statuses = timer.deliveries.map(({ status }) => status)
  // if a boot lasts longer than the period, it finds the second slot overdue, and the call for that one is answered 200
  assert.equal(statuses[0], 202, String(statuses))
  assert.ok(
    statuses.every((status) => status === 202 || status === 200),
    String(statuses),
  )
  assert.equal(target.calls.length, 2)
  assert.equal(new Set(target.calls.map(({ headers }) => headers['x-chronos-slot'])).size, 2)
})

test('a process that is killed in the middle of a run is found by a look after the end of its lease', async (context) => {
  const { fly, timer, target, makeJob, down, ended } = await world(context)
  timer.hold()
  target.behave('/hook', { does: 'hang', times: 1 })
  const job = await makeJob({
    schedule: 'in 1s',
    retry: { attempts: 2, delay_ms: 1_000, backoff: 'fixed' },
  })
  await down()
  timer.release()
  await target.waitFor(1, 30_000)
  await until('the fire is answered', () => fly.events.some(({ what }) => what === 'answer') || null)
  fly.machines[0]?.crash()
  await target.waitFor(2, 30_000)
  const run = await ended(job.id)
  assert.deepEqual([run.state, run.attempt], ['succeeded', 2])
})
