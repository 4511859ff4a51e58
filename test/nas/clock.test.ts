import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVirtualClock, createWallClock } from '../../dev/nas/clock.ts'

test('on the wall clock an instant 30 days ahead is kept, not fired at once', async () => {
  const clock = createWallClock()
  const order: string[] = []
  await new Promise<void>((resolve) => {
    clock.at(Date.now() + 30 * 86_400_000, () => order.push('far'))
    clock.at(Date.now() + 40, () => {
      order.push('near')
      resolve()
    })
  })
  assert.deepEqual(order, ['near'])
  clock.stop()
})

test('a wait longer than an hour is taken in pieces, and ends at its instant', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 0 })
  const clock = createWallClock()
  let ran = 0
  clock.at(30 * 86_400_000, () => (ran += 1))
  for (let hour = 0; hour < 30 * 24; hour += 1) {
    assert.equal(ran, 0)
    t.mock.timers.tick(3_600_000)
  }
  assert.equal(ran, 1)
})

test('what was taken back does not run', async () => {
  const clock = createWallClock()
  let ran = 0
  const takeBack = clock.at(Date.now() - 1, () => (ran += 1))
  assert.equal(clock.dueCount(), 1)
  takeBack()
  assert.equal(clock.dueCount(), 0)
  await new Promise<void>((resolve) => clock.at(Date.now() + 5, resolve))
  assert.equal(ran, 0)
})

test('a virtual clock runs what is due in order of its instant, each at its own time', async () => {
  const clock = createVirtualClock(0)
  const seen: [string, number][] = []
  clock.at(20, () => seen.push(['b', clock.now()]))
  clock.at(10, () => {
    seen.push(['a', clock.now()])
    clock.at(15, () => seen.push(['a2', clock.now()]))
  })
  clock.at(31, () => seen.push(['c', clock.now()]))
  await clock.moveTo(30, async () => {})
  assert.deepEqual(seen, [
    ['a', 10],
    ['a2', 15],
    ['b', 20],
  ])
  assert.equal(clock.now(), 30)
})
