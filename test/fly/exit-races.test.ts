import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'node:test'
import { type Setup, setup, useRelease } from './setup.ts'

useRelease()

const beforeMs = 90
const afterMs = 60
const stepMs = 15
/** On a busy machine the exit may come earlier or later than it did when it was measured. */
const moreOffsets = 12
const dueAheadMs = 20

/** Makes the machine boot by a call that leaves nothing behind; when it was answered. */
async function boot({ api, down }: Setup): Promise<number> {
  await down(0)
  assert.equal((await api('GET', '/api/status')).status, 200)
  return performance.now()
}

const exitsOf = ({ fly }: Setup) => fly.events.filter(({ what }) => what === 'exit')

/** How long after the answer the machine is gone. */
async function exitMs(world: Setup): Promise<number> {
  const exits = exitsOf(world).length
  const answeredAt = await boot(world)
  await world.fly.until(() => exitsOf(world).length > exits)
  return performance.now() - answeredAt
}

async function laterJob({ api, target }: Setup, name: string): Promise<string> {
  const action = { type: 'http', url: `${target.url}/${name}` }
  const { status, body } = await api('POST', '/api/jobs', { name, schedule: 'in 5h', action })
  assert.equal(status, 201, JSON.stringify(body))
  return (body.job as { id: string }).id
}

/** Its time has come some seconds ago, and NAS has not called yet: no exit waits for that. */
const makeDue = ({ database: { sql } }: Setup, id: string) => sql`
  with due as (select date_trunc('second', now()) - interval '5 s' as at),
  moved as (
    update jobs set schedule = jsonb_set(schedule, '{run_at}', to_jsonb(due.at)), version = version + 1 from due where id = ${id})
  update job_runtime set next_slot = due.at, wake_at = due.at, armed_at = due.at from due where job_id = ${id}`

/** Sends a fire as NAS does: again after a while, until it is answered with 2xx. The number of tries. */
async function fireUntilTaken({ fireNow }: Setup, id: string): Promise<number> {
  for (let tries = 1; tries <= 20; tries++) {
    const status = await fireNow(id)
    if (status !== null && status >= 200 && status < 300) return tries
    await delay(50)
  }
  throw new Error(`the fire of ${id} was never taken`)
}

test('a fire at any moment around the exit of the machine is taken by it or by the next one, and runs once', async (context) => {
  const world = await setup(context, { env: { IDLE_EXIT_MS: '100' } })
  const { fly, target, down, ended } = world
  const steps = Math.floor((beforeMs + afterMs) / stepMs) + 1
  const offsets = Array.from({ length: steps }, (_, step) => step * stepMs - beforeMs)
  const ids: string[] = []
  for (let made = 0; made < steps + moreOffsets; made++) ids.push(await laterJob(world, `job-${made}`))
  // what this NAS does with its rows is known, so that no fire asks for it
  await world.database.sql`insert into facts (name, value) values ('nas_manners', '{"kept":5,"forgot":0}')`
  await down(0)
  await exitMs(world)
  const goneMs = Math.min(await exitMs(world), await exitMs(world))

  const seen = { same: 0, next: 0, again: 0 }
  let fired = 0
  for (let offset = offsets.shift(); offset !== undefined; offset = offsets.shift() ?? anotherOffset()) {
    const id = ids[fired++] ?? ''
    const answeredAt = await boot(world)
    const { starts } = fly.bill()
    const fireAt = answeredAt + goneMs + offset
    // not earlier: the reconcile of the boot would have NAS call as well
    await delay(Math.max(0, fireAt - dueAheadMs - performance.now()))
    await makeDue(world, id)
    await delay(Math.max(0, fireAt - performance.now()))
    const tries = await fireUntilTaken(world, id)
    assert.equal((await ended(id)).state, 'succeeded', `${offset} ms`)
    seen[fly.bill().starts === starts ? 'same' : 'next'] += 1
    if (tries > 1) seen.again += 1
  }
  await down(0)
  const paths = target.calls.map(({ path }) => path)
  assert.deepEqual(
    paths,
    Array.from({ length: fired }, (_, job) => `/job-${job}`),
    'each ran once',
  )
  context.diagnostic(`gone after ${Math.round(goneMs)} ms; ${JSON.stringify(seen)}`)
  assert.ok(seen.same >= 1 && seen.next >= 1, `the exit is not within the offsets: ${JSON.stringify(seen)}`)
  assert.ok(exitsOf(world).every(({ detail }) => detail === '0'))

  /** Undefined once both sides of the exit have been seen. */
  function anotherOffset(): number | undefined {
    const more = fired - steps + 1
    if (more > moreOffsets || (seen.same > 0 && seen.next > 0)) return undefined
    return seen.next > 0 ? -beforeMs - more * stepMs : afterMs + more * stepMs
  }
})

test('with a wake time nearer than a boot is long the machine waits for it, and with a later one it goes', async (context) => {
  const world = await setup(context, { env: { IDLE_EXIT_MS: '300' } })
  const { fly, makeJob, target, down } = world
  await makeJob({ schedule: '* * * * * *', repeat: 3 })
  await target.waitFor(3, 20_000)
  assert.equal(fly.bill().starts, 1, 'one boot for a fire every second')
  await down()
  await makeJob({ schedule: 'in 4s' })
  await down(2)
  await target.waitFor(4, 20_000)
  assert.equal(fly.bill().starts, 3)
})

test('the machine is gone soon after the call that started it, whatever the boot grace is', async (context) => {
  const world = await setup(context, { env: { BOOT_GRACE_MS: '60000' } })
  await world.makeJob()
  await world.down()
  assert.ok(world.fly.bill().awakeS < 10)
})
