import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at, historyOf, mostOf, set, stage } from './setup.ts'

const common = await stage()
const berlin = { schedule: '30 2 * * *', timezone: 'Europe/Berlin' }

test('a slot in the hour that a clock change skips runs once, at the first instant after the gap', async (t) => {
  const { world, witness, make } = await set(t, common, { start: '2026-03-28T23:00:00Z' })
  await make(berlin)
  await world.until('2026-03-30T23:00:00Z')
  assert.deepEqual(
    witness.effects().map(({ slot }) => slot),
    ['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z'],
  )
})

test('a slot in the hour that a clock change repeats runs once, at its first passing', async (t) => {
  const { world, witness, make } = await set(t, common, { start: '2026-10-24T22:00:00Z' })
  await make(berlin)
  await world.until('2026-10-26T23:00:00Z')
  assert.deepEqual(
    witness.effects().map(({ slot }) => slot),
    ['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z'],
  )
})

test("a process whose own clock jumps an hour forwards and two backwards in mid-run ends it on Postgres' time", async (t) => {
  const { world, witness, make } = await set(t, common)
  const id = await make({ schedule: '5 * * * *', action: { hold_ms: 180_000 } })
  await world.until(at(5, 30))
  const now = Date.now()
  t.mock.timers.enable({ apis: ['Date'], now: now + 3_600_000 })
  await world.until(at(6, 30))
  t.mock.timers.setTime(now - 7_200_000)
  await world.until(at(10))
  t.mock.timers.reset()
  assert.equal(witness.effects().length, 1)
  assert.deepEqual(mostOf(await historyOf(world, id)), [['12:05:00', 'succeeded', 1]])
})
