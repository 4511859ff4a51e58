import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'node:test'
import { setup, useRelease } from './setup.ts'

useRelease()

test('a fire boots a machine, is answered 202, runs once, and the machine is off again with the next wake-up armed', async (context) => {
  const { fly, nas, target, makeJob, ended, down, fires } = await setup(context)
  const job = await makeJob({ schedule: 'every 6s' })
  await down()
  await target.waitFor(1, 15_000)
  assert.equal((await ended(job.id)).state, 'succeeded')
  await down(2)
  assert.equal(fires(job.id)[0], 202)
  const slots = target.calls.map(({ headers }) => headers['x-chronos-slot'])
  assert.equal(new Set(slots).size, slots.length)
  const [arm] = nas.armed()
  assert.ok(arm && Date.parse(arm.fire_at) > Date.now() - 1_000, 'nothing is armed')
  const exits = fly.events.filter(({ what }) => what === 'exit')
  assert.deepEqual(new Set(exits.map(({ detail }) => detail)), new Set(['0']))
})

test('whatever moment around the exit a call comes at, it is answered and its run is made once', async (context) => {
  const { fly, target, makeJob, runNow, down } = await setup(context, {
    env: { IDLE_EXIT_MS: '100', BOOT_GRACE_MS: '0' },
  })
  // a call may come while the run of the one before is still being written down
  const job = await makeJob({ overlap: 'allow' })
  await down()
  const runIds: string[] = []
  for (let calls = 0; calls < 12; calls++) {
    const exits = fly.events.filter(({ what }) => what === 'exit').length
    runIds.push(await runNow(job.id))
    // the run of the call, its settling and its arming, and then the idle time: the exit is somewhere in here
    if (calls % 2 === 0)
      await fly.until(() => fly.events.filter(({ what }) => what === 'exit').length > exits)
    else await delay(90 + calls * 6)
    await target.waitFor(calls + 1)
  }
  assert.equal(new Set(runIds).size, 12)
  assert.equal(target.calls.length, 12)
  assert.equal(fly.events.filter(({ what }) => what === 'gave_up').length, 0)
})

test('a fire that the proxy sends again, because its answer was lost, runs once', async (context) => {
  const { fly, nas, target, makeJob, ended, down, fires } = await setup(context)
  await nas.misbehave('hold_fires')
  const job = await makeJob({ schedule: 'in 1s' })
  await down()
  fly.loseAnswers(1)
  await nas.behave('hold_fires')
  await target.waitFor(1, 15_000)
  await ended(job.id)
  await down(2)
  assert.equal(fly.events.filter(({ what }) => what === 'resend').length, 1)
  assert.deepEqual(fires(job.id), [200])
  assert.equal(target.calls.length, 1)
})

test('two fires for one slot boot two machines, and one of them runs it', async (context) => {
  const { fly, nas, target, makeJob, down, fireNow, ended } = await setup(context, {
    machines: 2,
    settings: { softLimit: 1 },
  })
  const job = await makeJob({ schedule: 'in 3s' })
  await down()
  await nas.misbehave('hold_fires')
  await delay(Math.max(0, Date.parse(job.next_run_at ?? '') - Date.now()))
  const statuses = await Promise.all([fireNow(job.id), fireNow(job.id)])
  assert.equal((await ended(job.id)).state, 'succeeded')
  assert.deepEqual(
    fly.machines.map((machine) =>
      fly.events.some(({ what, machine: id }) => what === 'start' && id === machine.id),
    ),
    [true, true],
  )
  assert.deepEqual(new Set(statuses), new Set([200, 202]))
  await nas.behave()
  await down(3)
  assert.equal(target.calls.length, 1)
})
