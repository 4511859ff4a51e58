import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createStore, type Store } from '../../db/index.ts'
import { at, historyOf, mostOf, set, stage } from './setup.ts'

const common = await stage()
const retry = { attempts: 3, delayMs: 5_000, backoff: 'fixed', on: ['interrupted'], maxDelayMs: 5_000 }

/** How a claim is made: its process looks first, or need not. */
const ways = ['decided upon a look', 'decided beforehand'] as const
const claimOf = {
  'decided upon a look': 'store.transition',
  'decided beforehand': 'store.claimReady',
} as const
const realStore = (clock: () => Date) => createStore(common.database.db, clock)
const storeOf = {
  'decided upon a look': (clock: () => Date): Store => ({
    ...realStore(clock),
    claimReady: async () => null,
  }),
  'decided beforehand': realStore,
}

test('a process that was frozen past its lease cannot settle what another one runs by now', async (t) => {
  const { world, make } = await set(t, common, { machines: 2 })
  const id = await make({ schedule: '5 * * * *', policy: { retry }, action: { hold_ms: 50_000 } })
  await world.until(at(5, 10))
  const frozen = world.machines()
  for (const { life } of frozen) life.freeze()
  await world.until(at(6, 30))
  assert.deepEqual(
    mostOf(await historyOf(world, id)),
    [['12:05:00', 'running', 2]],
    'another machine has taken it over',
  )
  for (const { life } of frozen) life.thaw()
  await world.settled()
  assert.deepEqual(
    mostOf(await historyOf(world, id)),
    [['12:05:00', 'running', 2]],
    'the stale owner has settled it',
  )
  await world.until(at(9))
  assert.deepEqual(mostOf(await historyOf(world, id)), [['12:05:00', 'succeeded', 2]])
})

for (const how of ways) {
  test(`a process that was frozen between its claim, ${how}, and its effect does not begin the effect when its lease has ended`, async (t) => {
    const { world, witness, make } = await set(t, common, { machines: 2, store: storeOf[how] })
    const id = await make({ schedule: '5 * * * *', policy: { retry } })
    // a wake-up that was made afresh stands a second early, and its claim waits: the fire is to come at the slot
    await world.nas.misbehave('hold_fires')
    await world.until(at(5))
    world.steps.begin([{ at: claimOf[how], when: 'after', freezes: true, gave: Boolean }])
    await world.nas.behave('hold_fires')
    await world.until(at(7))
    assert.deepEqual(mostOf(await historyOf(world, id)), [['12:05:00', 'succeeded', 2]])
    for (const { life } of world.machines()) life.thaw()
    await world.until(at(9))
    assert.deepEqual(
      witness.effects().map(({ attempt }) => attempt),
      [2],
    )
  })
}

test('two edits whose arms overlap leave NAS with the instant of the later one', async (t) => {
  const { world, make } = await set(t, common, { machines: 2 })
  const id = await make({ schedule: '0 15 * * *' })
  world.steps.begin([{ at: 'nas.provision', when: 'before', freezes: true }])
  const first = world.wake().core.jobs.change(id, { schedule: '19 * * * *' }, null)
  await world.settled()
  const [frozen] = world.machines().filter(({ life }) => life.isFrozen())
  assert.ok(frozen, 'the first edit has stopped before its provision')
  const second = world.wake().core.jobs.change(id, { schedule: '17 * * * *' }, null)
  await world.until(at(0, 32))
  frozen.life.thaw()
  await world.until(at(0, 45))
  await Promise.all([first, second])
  assert.deepEqual(
    world.nas.armed().map((arm) => new Date(arm.fire_at)),
    [at(17)],
  )
})

test('a repeated fire is not acknowledged before the wake-up after it is armed', async (t) => {
  const { world, witness, make } = await set(t, common)
  const id = await make({ schedule: '5 * * * *', action: { hold_ms: 30_000 } })
  await world.nas.misbehave('answer', '500', { call: 'provision' })
  await world.until(at(5, 40))
  const answers = world.nas.fires(id).map(({ status }) => status)
  assert.ok(answers.length >= 2, 'NAS has repeated its fire')
  assert.ok(
    answers.every((status) => status === 503),
    `answered ${answers.join(' ')}`,
  )
  assert.equal(witness.effects().length, 1)
  await world.nas.behave()
  await world.until(at(9))
  assert.equal(world.nas.armed().length, 1)
})

test('of many fires for one slot at two machines, one is accepted and the target is called once', async (t) => {
  const { world, witness, make } = await set(t, common, { machines: 2 })
  await make({ schedule: '5 * * * *' })
  await world.nas.misbehave('duplicate', 12)
  await world.until(at(5, 10))
  const answers = world.nas.fires().map(({ status }) => status)
  assert.equal(witness.effects().length, 1)
  assert.deepEqual(answers.filter((status) => status === 202).length >= 1, true)
  assert.deepEqual(
    answers.filter((status) => status === null || status >= 500),
    [],
  )
})

test('a process that dies in mid-run is found by the watchdog when its lease has ended, not at the next slot', async (t) => {
  const { world, witness, make } = await set(t, common)
  const id = await make({ schedule: '5 * * * *', policy: { retry }, action: { hold_ms: 20_000 } })
  await world.until(at(5, 10))
  for (const { life } of world.machines()) life.die()
  assert.deepEqual(
    world.nas.fires(id).map(({ status }) => status),
    [202],
    'NAS owes no retry that could find the run',
  )
  await world.until(at(8))
  assert.deepEqual(mostOf(await historyOf(world, id)), [['12:05:00', 'succeeded', 2]])
  assert.equal(witness.effects().length, 2)
})

test('processes whose own clocks are an hour apart agree on what is due', async (t) => {
  const { world, witness, make } = await set(t, common, {
    machines: 2,
    clocksAheadMs: [-3_600_000, 3_600_000],
  })
  const id = await make({ schedule: '*/5 * * * *' })
  await world.until(at(31))
  assert.equal(witness.effects().length, 6)
  assert.ok(witness.effects().every(({ slot, atMs }) => atMs === Date.parse(slot ?? '')))
  assert.ok((await historyOf(world, id)).every(({ state }) => state === 'succeeded'))
})

for (const how of ways) {
  test(`a claim that was ${how} before a pause is not written after it`, async (t) => {
    const { world, witness, make } = await set(t, common, { machines: 2, store: storeOf[how] })
    const id = await make({ schedule: '5 * * * *' })
    await world.until(at(4, 30))
    world.steps.begin([{ at: claimOf[how], when: 'before', freezes: true }])
    await world.until(at(5, 1))
    const frozen = world.machines().filter(({ life }) => life.isFrozen())
    assert.equal(frozen.length, 1, 'a process has decided to claim the slot, and not written it')
    assert.equal(await world.client.pause(id), 'done')
    for (const { life } of frozen) life.thaw()
    await world.until(at(8))
    assert.equal(witness.effects().length, 0)
    assert.equal((await historyOf(world, id)).length, 0)
    assert.deepEqual(world.nas.armed(), [])
  })
}

for (const how of ways) {
  test(`a look that is answered in the same breath as a claim ${how} does not begin the run a second time`, async (t) => {
    // PostgreSQL's answers to both come in one piece of a connection: the claim's first, the look's so many turns later
    for (let turns = 0; turns < 4; turns++) {
      let answerClaim: (() => void) | null = null
      let paired = 0
      let isHeld = false
      const held = async <T>(claimed: T, isClaim: boolean): Promise<T> => {
        if (claimed && isClaim)
          await new Promise<void>((resolve) => {
            answerClaim = resolve
            isHeld = true
            paired += 1
            // the other fire may have looked already: then this pair of answers was not one
            setTimeout(resolve, 2_000)
          })
        isHeld = false
        return claimed
      }
      const pairing = (store: Store): Store => ({
        ...store,
        claimReady: async (wish) =>
          how === 'decided beforehand' ? held(await store.claimReady(wish), true) : null,
        transition: async (...args) => held(await store.transition(...args), args[1].starts.length > 0),
        async look(jobId) {
          const look = await store.look(jobId)
          answerClaim?.()
          for (let turn = 0; turn < turns; turn++) await Promise.resolve()
          return look
        },
      })
      const { world, witness, make } = await set(t, common, {
        store: (clock) => pairing(createStore(common.database.db, clock)),
        patienceMs: 50,
        // the other fire looks a second later: they take turns, but for one that takes long
        waits: () => isHeld,
      })
      await make({ schedule: '5 * * * *' })
      await world.nas.misbehave('duplicate', 2)
      await world.until(at(6))
      assert.equal(witness.effects().length, 1, `answered ${turns} turns apart`)
      assert.equal(paired, 1)
      await world.close()
    }
  })
}
