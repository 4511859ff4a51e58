import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at, historyOf, mostOf, set, stage, startsAt } from './setup.ts'

const common = await stage()
const everyFive = '*/5 * * * *'

test('a pause, a resume and a manual run arm with the arm lease that their own write took, at once', async (t) => {
  const { world, make } = await set(t, common)
  const id = await make({ schedule: everyFive })
  for (const change of ['pause', 'resume', 'runNow'] as const) {
    assert.equal(await world.client[change](id), 'done')
    assert.equal(world.now().getTime(), Date.parse(startsAt), `${change} waited for an arm lease`)
  }
})

test('a drain during a fire records the run as interrupted, gives its lease back and leaves the next wake-up armed', async (t) => {
  const { world, make } = await set(t, common)
  const id = await make({ schedule: everyFive, action: { hold_ms: 120_000 } })
  await world.until(at(5, 30))
  const [machine] = world.machines()
  assert.ok(machine)
  const drained = machine.core.drain()
  assert.equal(await world.fire(id, at(5)), 503, 'a draining process claims nothing')
  await world.settled()
  await drained
  machine.life.die()
  const [run] = await historyOf(world, id)
  assert.equal(run?.state, 'interrupted')
  assert.equal(run?.lease_until, null)
  assert.deepEqual(
    world.nas.armed().map((arm) => new Date(arm.fire_at)),
    [at(10)],
  )
})

test('where NAS refuses this identity for good, jobs are made and run all the same', async (t) => {
  const { world, witness, make } = await set(t, common)
  await world.nas.misbehave('answer', '403')
  await make({ schedule: everyFive })
  await world.until(at(5, 10))
  assert.deepEqual(
    witness.effects().map(({ slot }) => slot),
    [at(5).toISOString()],
  )
  assert.equal(world.boots(), 1, 'the process is the timer now, and stays up')
})

test('a fire that overtakes the answer to its own provision is run once, and the client is told that it is armed', async (t) => {
  const { world, witness, make } = await set(t, common, { patienceMs: 20 })
  await world.nas.misbehave('answer_after_fire')
  await make({ schedule: at(0).toISOString() })
  await world.until(at(3))
  assert.equal(witness.effects().length, 1)
  assert.deepEqual(world.nas.armed(), [])
})

test('an old one-shot that fires after an edit runs nothing and leaves the new one armed', async (t) => {
  const { world, witness, make } = await set(t, common)
  const id = await make({ schedule: everyFive })
  await world.until(at(4, 30))
  assert.equal(await world.client.change(id, { schedule: '9 * * * *' }), 'done')
  await world.until(at(5))
  assert.equal(await world.fire(id, at(5)), 200)
  assert.equal(witness.effects().length, 0)
  assert.deepEqual(
    world.nas.armed().map((arm) => new Date(arm.fire_at)),
    [at(9)],
  )
})

test("a deleted job's orphan is answered gone, runs nothing, and is cancelled", async (t) => {
  const { world, witness, make } = await set(t, common)
  const id = await make({ schedule: everyFive })
  await world.nas.misbehave('answer', '500', { call: 'cancel', times: 1 })
  assert.equal(await world.client.remove(id), 'done')
  assert.equal(world.nas.armed().length, 1, 'the cancel failed: NAS still holds it')
  await world.until(at(5, 10))
  assert.equal(world.nas.fires(id).at(-1)?.status, 200)
  assert.equal(witness.effects().length, 0)
  assert.deepEqual(world.nas.held(), [])
})

test('a job that is edited while it runs keeps its run, and its next slot is of the new rule', async (t) => {
  const { world, make } = await set(t, common)
  const id = await make({ schedule: everyFive, action: { hold_ms: 120_000 } })
  await world.until(at(5, 30))
  assert.equal(await world.client.change(id, { schedule: '9 * * * *' }), 'done')
  await world.until(at(8))
  assert.deepEqual(mostOf(await historyOf(world, id)), [['12:05:00', 'succeeded', 1]])
  assert.deepEqual(
    world.nas.armed().map((arm) => new Date(arm.fire_at)),
    [at(9)],
  )
})

test('a pause is honoured at every entrance: a fire, a manual run, a boot, a further attempt', async (t) => {
  const { world, witness, make } = await set(t, common)
  const retry = { attempts: 3, delayMs: 120_000, backoff: 'fixed', on: ['failed'], maxDelayMs: 120_000 }
  const id = await make({ schedule: everyFive, policy: { retry } })
  world.target.behave('/hook', { does: 'status', value: 500, times: 1 })
  await world.until(at(5, 30))
  assert.equal(witness.effects().length, 1, 'the first attempt failed, a second one is due')
  assert.equal(await world.client.pause(id), 'done')
  assert.equal(await world.fire(id, at(5)), 200)
  assert.equal(await world.client.runNow(id), 'JOB_STATE_CONFLICT')
  await world.until(at(12))
  world.wake()
  await world.until(at(14))
  assert.equal(witness.effects().length, 1)
  assert.equal(await world.client.resume(id), 'done')
  await world.until(at(14, 30))
  assert.equal(witness.effects().length, 2, 'what waited goes on when the pause is over')
})

test('a one-shot that is a minute in the past runs once, at once; one of an hour ago is refused', async (t) => {
  const { world, witness, make } = await set(t, common)
  await make({ schedule: new Date(world.now().getTime() - 60_000).toISOString() })
  await world.until(at(1))
  assert.equal(witness.effects().length, 1)
  await assert.rejects(make({ schedule: '2026-06-18T11:00:00Z' }), { code: 'SCHEDULE_IN_PAST' })
})

test('the machine that wakes and finds forty overdue jobs runs each of them once and arms them all', async (t) => {
  const { world, witness, make } = await set(t, common)
  for (let n = 0; n < 40; n++) await make({ schedule: everyFive })
  await world.nas.misbehave('hold_fires')
  await world.until(at(6, 10))
  assert.equal(witness.effects().length, 0)
  world.wake()
  await world.until(at(6, 40))
  assert.equal(new Set(witness.effects().map(({ jobId }) => jobId)).size, 40)
  assert.equal(witness.effects().length, 40)
  // one that had to be armed again comes a second early: no fire_at is used twice
  const armed = world.nas.armed().map((arm) => at(10).getTime() - Date.parse(arm.fire_at))
  assert.equal(armed.filter((earlyMs) => earlyMs >= 0 && earlyMs <= 2_000).length, 40)
})

test('a run that is longer than its own period skips the slots that it covers, and says so', async (t) => {
  const { world, make } = await set(t, common)
  const id = await make({ schedule: everyFive, action: { hold_ms: 400_000 } })
  await world.until(at(13))
  assert.deepEqual(mostOf(await historyOf(world, id)), [
    ['12:05:00', 'succeeded', 1],
    ['12:10:00', 'skipped', 0],
  ])
})

test('a claim that was won by a manual run leaves the job armed, wherever the process dies', async (t) => {
  for (const point of [
    'store.transition',
    'nas.provision',
    'store.recordArm',
    'action.run',
    'answer.client',
  ]) {
    const { world, witness, make } = await set(t, common)
    const id = await make({ schedule: everyFive })
    await world.until(at(2))
    world.steps.begin([{ at: point, when: 'after' }])
    await world.client.runNow(id)
    await world.until(at(11))
    const slots = witness.effects().flatMap(({ slot }) => slot ?? [])
    assert.ok(slots.includes(at(10).toISOString()), `killed after ${point}, the job went silent`)
    await world.close()
  }
})

test('a 503 while draining, until NAS has given up, costs no more than the wait for the next wake-up of any job', async (t) => {
  const { world, witness, make } = await set(t, common, { onAsleep: async () => {} })
  const lost = await make({ schedule: everyFive })
  await make({ schedule: '6 * * * *' })
  await world.until(at(4, 58))
  const machine = world.wake()
  await world.nas.misbehave('give_up_after', 1, { jobId: lost })
  const drained = machine.core.drain()
  await world.until(at(5, 1))
  await drained
  machine.life.die()
  assert.deepEqual(
    world.nas
      .armed()
      .map((arm) => arm.job_id)
      .includes(lost),
    false,
    'NAS has given up',
  )
  await world.nas.behave()
  await world.until(at(6, 30))
  assert.ok(witness.effects().some(({ jobId, slot }) => jobId === lost && slot === at(5).toISOString()))
  assert.ok(world.nas.armed().some((arm) => arm.job_id === lost))
})

test('a machine that is stopped in mid-run is never recorded as a success', async (t) => {
  const { world, witness, make } = await set(t, common)
  const id = await make({ schedule: everyFive, action: { hold_ms: 60_000 } })
  await world.until(at(5, 20))
  assert.equal(witness.effects().length, 1)
  for (const machine of world.machines()) machine.life.die()
  await world.until(at(9))
  assert.deepEqual(mostOf(await historyOf(world, id)), [['12:05:00', 'interrupted', 1]])
})

test('a claim does not expire under a healthy run of forty minutes', async (t) => {
  const { world, witness, make } = await set(t, common)
  const id = await make({ schedule: '5 * * * *', action: { hold_ms: 40 * 60_000 } })
  await world.until(at(50))
  assert.equal(witness.effects().length, 1)
  assert.deepEqual(mostOf(await historyOf(world, id)), [['12:05:00', 'succeeded', 1]])
})

test('a slot whose claim was the last thing that a process did leaves a trace', async (t) => {
  const { world, make } = await set(t, common)
  const id = await make({ schedule: everyFive })
  await world.until(at(4, 30))
  // the fire claims it, or the look of the boot, whichever is first
  const claims = ['store.claimReady', 'store.transition']
  world.steps.begin(claims.map((name) => ({ at: name, when: 'after', gave: Boolean })))
  await world.until(at(5, 1))
  assert.equal(world.steps.kills(), 1)
  world.steps.begin([])
  await world.until(at(9))
  assert.deepEqual(mostOf(await historyOf(world, id)), [['12:05:00', 'interrupted', 1]])
})
