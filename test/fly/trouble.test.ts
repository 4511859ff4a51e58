import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Setup, setup, useRelease } from './setup.ts'
import { until } from '../support/until.ts'

useRelease()

/** A job that is due soon, and no machine up; `fires` once nothing is in the way of its fire. */
async function dueSoon({ makeJob, down, nas }: Setup) {
  await nas.misbehave('hold_fires')
  const job = await makeJob({ schedule: 'in 2s' })
  await down()
  return { id: job.id, fires: () => nas.behave('hold_fires') }
}

async function ranOnce(world: Setup, jobId: string) {
  await world.target.waitFor(1, 20_000)
  assert.equal((await world.ended(jobId)).state, 'succeeded')
  assert.equal(world.target.calls.length, 1)
  await world.nas.waitFor(() => world.fires(jobId).at(-1) === 202)
}

for (const mode of ['refuse', 'close_at_startup'] as const) {
  test(`a fire that finds Postgres in the state "${mode}" is answered 503, sent again, and runs once`, async (context) => {
    const world = await setup(context)
    const { id, fires } = await dueSoon(world)
    await world.postgres.setMode(mode)
    await fires()
    await world.nas.waitFor((nas) => nas.fires(id).length >= 1, 20_000)
    assert.deepEqual(new Set(world.fires(id)), new Set([503]))
    await world.postgres.setMode('pass')
    await ranOnce(world, id)
    await world.down(2)
  })
}

test('a fire that finds a slow Postgres is answered 202, only later', async (context) => {
  const world = await setup(context)
  const { id, fires } = await dueSoon(world)
  await world.postgres.setMode({ kind: 'slow', ms: 50 })
  await fires()
  await ranOnce(world, id)
  assert.deepEqual(world.fires(id), [202])
})

test('while Postgres cannot be asked the machine stays up, and once it can the machine goes down', async (context) => {
  const world = await setup(context, { env: { IDLE_EXIT_MS: '1500' } })
  const said = (text: string) =>
    until(text, () => world.fly.machines[0]?.lines.find((line) => line.includes(text)))
  await world.makeJob()
  // what a boot does is done; what is left is going down
  await said('reconciled')
  await world.postgres.setMode('refuse')
  await said('the process stays up')
  assert.equal(world.fly.machines[0]?.state(), 'started')
  await world.postgres.setMode('pass')
  await world.down()
})

test('a fire whose key cannot be had is answered 503, sent again, and runs once', async (context) => {
  const world = await setup(context)
  const { id, fires } = await dueSoon(world)
  await world.database.sql`delete from nas_keys`
  await world.nas.misbehave('jwks', 'down')
  await fires()
  await world.nas.waitFor((nas) => nas.fires(id).length >= 1, 20_000)
  assert.equal(world.fires(id)[0], 503)
  await world.nas.behave()
  await ranOnce(world, id)
})
