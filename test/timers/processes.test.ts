import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { startCloudTasks } from '../../dev/cloud-tasks/index.ts'
import { startQstash } from '../../dev/qstash/index.ts'
import { createRandom } from '../../dev/torture/sweep.ts'
import { setup, useRelease } from '../fly/setup.ts'
import { until } from '../support/until.ts'

// The program as it is shipped, in processes that are off until the timer's stand-in calls, and that are killed.

useRelease()

const timers = {
  qstash: () => startQstash({ hurry: 20 }),
  'cloud-tasks': () => startCloudTasks(),
}
const leaseMs = 2_000

for (const [name, start] of Object.entries(timers)) {
  async function world(context: TestContext) {
    const timer = await start()
    context.after(() => timer.close())
    const env = { ...timer.environment(), RUN_LEASE_MS: String(leaseMs) }
    // nothing but the timer starts a machine that has died
    return { timer, ...(await setup(context, { env, settings: { restart: 'no' } })) }
  }

  test(`${name}: a machine that is off is started by the wake-up, runs the job once, arms the next one and goes`, async (context) => {
    const { timer, target, makeJob, down, ended } = await world(context)
    const job = await makeJob({ schedule: 'every 3s', repeat: 2 })
    await down()
    await target.waitFor(2, 30_000)
    await ended(job.id)
    await down(2)
    const statuses = timer.deliveries.map(({ status }) => status)
    // if a boot lasts longer than the period, it finds the second slot overdue, and its fire is answered 200
    assert.equal(statuses[0], 202, String(statuses))
    assert.ok(
      statuses.every((status) => status === 202 || status === 200),
      String(statuses),
    )
    assert.equal(target.calls.length, 2)
    assert.equal(new Set(target.calls.map(({ headers }) => headers['x-chronos-slot'])).size, 2)
    await until('nothing is held for it', () => timer.pending().length === 0 || null)
  })

  test(`${name}: a process that is killed in the middle of a run is found by the wake-up at the end of its lease`, async (context) => {
    const { fly, target, makeJob, ended } = await world(context)
    target.behave('/hook', { does: 'hang', times: 1 })
    const job = await makeJob({
      schedule: 'in 2s',
      retry: { attempts: 2, delay_ms: 1_000, backoff: 'fixed' },
    })
    await target.waitFor(1, 30_000)
    // its wake-up at the end of the lease is armed before the fire is answered
    const isAnswer = ({ what, detail }: { what: string; detail: string }) =>
      what === 'answer' && detail.includes('/api/cron/fire')
    await until('the fire is answered', () => fly.events.some(isAnswer) || null)
    fly.machines[0]?.crash()
    await target.waitFor(2, 30_000)
    const run = await ended(job.id)
    assert.deepEqual([run.state, run.attempt], ['succeeded', 2])
  })

  test(`${name}: whenever processes are killed, no slot is lost and none is called twice`, async (context) => {
    const { fly, timer, target, database, makeJob } = await world(context)
    const random = createRandom(20_260_618)
    const job = await makeJob({ schedule: 'every 2s', repeat: 8, catch_up: 'all', retry: { attempts: 1 } })
    let kills = 0
    const killing = setInterval(() => {
      const [machine] = fly.machines
      if (machine?.state() !== 'started' || random() > 0.15 || kills >= 6) return
      kills += 1
      machine.crash()
    }, 100)
    context.after(() => clearInterval(killing))
    // asked in Postgres, so that nothing but the timer starts a machine
    const isOver = async () => {
      const [runtime] = await database.sql`select state from job_runtime where job_id = ${job.id}`
      return runtime?.['state'] === 'completed' || null
    }
    await until('killed often enough', () => kills >= 6 || null, { withinMs: 120_000 })
    clearInterval(killing)
    await until('all slots are over', isOver, { withinMs: 120_000 })
    const slots = target.calls.map(({ headers }) => headers['x-chronos-slot'])
    assert.equal(new Set(slots).size, slots.length, 'no slot is called twice')
    const runs =
      await database.sql`select slot, state from runs where job_id = ${job.id} and finished_at is not null`
    // a slot that comes while the run before it is live is skipped, and is none of the eight
    const repeats = runs.filter((run) => run['state'] !== 'skipped')
    assert.equal(new Set(repeats.map((run) => String(run['slot']))).size, 8, 'every repeat has its slot')
    await until('nothing is held for a job that is over', () => timer.pending().length === 0 || null)
  })
}
