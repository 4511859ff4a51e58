import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Look } from '../../db/index.ts'
import { createPlaces, groupsOf } from '../../src/run/places.ts'

type Wish = { groups: string[]; stop: AbortController; state: 'waits' | 'in' | 'gone' }

/** Places, and all that want one; what a take has led to is known once `settled`. */
function setup(most: number, mostPrograms: number | null = null) {
  const places = createPlaces(most, mostPrograms)
  const wishes: Wish[] = []
  const inside = () => wishes.filter(({ state }) => state === 'in')
  return {
    places,
    wishes,
    inside,
    waiting: () => wishes.filter(({ state }) => state === 'waits'),
    want(groups: string[]): Wish {
      const wish: Wish = { groups, stop: new AbortController(), state: 'waits' }
      wishes.push(wish)
      void places.take(groups, wish.stop.signal).then((isIn) => {
        wish.state = isIn ? 'in' : 'gone'
      })
      return wish
    },
    leave(wish: Wish) {
      wish.state = 'gone'
      places.leave(wish.groups)
    },
    settled: () => new Promise((resolve) => setImmediate(resolve)),
  }
}

const anyGroups = fc
  .tuple(
    fc.constantFrom('job a', 'job b', 'job c'),
    fc.option(fc.constantFrom('key a', 'key b'), { nil: null }),
    fc.option(fc.constantFrom('origin a', 'origin b', 'origin c', 'programs'), { nil: null }),
  )
  .map((groups) => groups.filter((group) => group !== null))
const anyStep = fc.oneof(
  { weight: 4, arbitrary: fc.record({ does: fc.constant('want' as const), groups: anyGroups }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('leave' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('stop' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('try' as const), groups: anyGroups }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('unnamed' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('name' as const),
      groups: fc.option(anyGroups, { nil: null }),
      which: fc.nat(),
    }),
  },
)

test('whatever comes, leaves and gives up: no group has more than half, programs have their own, and each that waits gets in at last', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      fc.array(anyStep, { maxLength: 80 }),
      async (most, mostPrograms, steps) => {
        const { places, wishes, inside, waiting, want, leave, settled } = setup(most, mostPrograms)
        const half = Math.max(1, Math.floor(most / 2))
        let unnamed = 0
        const check = () => {
          assert.ok(inside().length + unnamed <= most)
          assert.equal(places.taken(), inside().length + unnamed)
          for (const group of new Set(wishes.flatMap(({ groups }) => groups))) {
            const mostOfThis = group === 'programs' ? mostPrograms : half
            assert.ok(
              inside().filter(({ groups }) => groups.includes(group)).length + unnamed <= mostOfThis,
              group,
            )
          }
        }
        const name = (groups: string[] | null) => {
          unnamed -= 1
          if (groups === null) return places.leaveUnnamed()
          wishes.push({ groups, stop: new AbortController(), state: 'in' })
          places.name(groups)
        }
        for (const step of steps) {
          if (step.does === 'want') want(step.groups)
          else if (step.does === 'try') {
            if (places.tryTake(step.groups))
              wishes.push({ groups: step.groups, stop: new AbortController(), state: 'in' })
          } else if (step.does === 'leave') {
            const found = inside()[step.which % Math.max(1, inside().length)]
            if (found) leave(found)
          } else if (step.does === 'unnamed') unnamed += Number(places.tryTakeUnnamed())
          else if (step.does === 'name') {
            if (unnamed > 0) name(step.groups)
          } else waiting()[step.which % Math.max(1, waiting().length)]?.stop.abort()
          await settled()
          check()
        }
        while (unnamed > 0) name(null)
        await settled()
        while (waiting().length > 0) {
          const [first] = inside()
          assert.ok(first, `${waiting().length} wait, and nobody is in`)
          leave(first)
          await settled()
          check()
        }
        for (const wish of inside()) leave(wish)
        assert.equal(places.taken(), 0)
        // nothing of those that left is kept
        assert.ok(Array.from({ length: half }, () => places.tryTake(['job a'])).every(Boolean))
      },
    ),
    { numRuns: 150 },
  )
})

test('what is not named has a place as long as no group is full, beyond half of them all', () => {
  const { places } = setup(8)
  for (let n = 0; n < 6; n++) {
    assert.equal(places.tryTakeUnnamed(), true)
    places.name([`job ${n}`, `origin ${n % 2}`])
  }
  assert.deepEqual([places.taken(), places.tryTakeUnnamed()], [6, true])
  // it may be of an origin that has three, and then that has all of its four
  assert.equal(places.tryTakeUnnamed(), false)
  places.name(['job 6', 'origin 2'])
  assert.equal(places.tryTakeUnnamed(), true)
  places.name(['job 7', 'origin 1'])
  assert.equal(places.tryTakeUnnamed(), false, 'there is no place of any')
  // the fullest groups have fewer again
  places.leave(['job 0', 'origin 0'])
  assert.equal(places.tryTakeUnnamed(), false, 'the other origin has all of its four')
  for (const job of ['job 7', 'job 1']) places.leave([job, 'origin 1'])
  assert.deepEqual([places.tryTakeUnnamed(), places.taken()], [true, 6])
})

test('programs have a number of their own, and what may be one counts as one until it is named', async () => {
  const { places, want, leave, settled } = setup(8, 2)
  const [first] = [want(['job a', 'programs']), want(['job b', 'programs'])]
  const third = want(['job c', 'programs'])
  const call = want(['job d'])
  await settled()
  assert.deepEqual([first?.state, third.state, call.state], ['in', 'waits', 'in'])
  assert.equal(places.tryTakeUnnamed(), false, 'it may be a program')
  leave(call)
  if (first) leave(first)
  await settled()
  assert.equal(third.state, 'in')
  const { places: others } = setup(8, 2)
  assert.deepEqual([others.tryTakeUnnamed(), others.tryTakeUnnamed()], [true, true])
  assert.equal(others.tryTake(['job a', 'programs']), false)
  others.name(['job b'])
  assert.equal(others.tryTake(['job a', 'programs']), true)
  // more programs than half of the places, where that is said
  const { places: many } = setup(8, 6)
  const jobs = Array.from({ length: 6 }, (_, n) => [`job ${n}`, 'programs'])
  assert.ok(jobs.every((groups) => many.tryTake(groups)))
})

test('what is told of a wait is since when the next one waits, in these groups or for a place of any', async () => {
  const { places, settled } = setup(2)
  const stop = new AbortController().signal
  assert.equal(places.waitsSince(['job a']), null)
  places.tryTake(['job a'])
  void places.take(['job a'], stop, 5)
  void places.take(['job a'], stop, 7)
  await settled()
  assert.deepEqual(
    [places.waitsSince(['job a']), places.waitsSince(['job b']), places.waitsSince([])],
    [5, null, null],
  )
  places.tryTake(['job b'])
  void places.take(['job c'], stop, 6)
  await settled()
  assert.deepEqual([places.waitsSince(['job a']), places.waitsSince(['job b'])], [5, 6], 'none has a place')
  places.leave(['job a'])
  await settled()
  assert.equal(
    places.waitsSince(['job b']),
    5,
    'the first has its pass of the job, and waits for a place of any',
  )
})

test('one that needs two groups is not overtaken for ever by those that need one', async () => {
  const { inside, want, leave, settled } = setup(8)
  for (let n = 0; n < 4; n++) {
    want(['job a'])
    want(['origin b'])
  }
  await settled()
  const both = want(['job a', 'origin b'])
  let leaves = 0
  for (; both.state === 'waits' && leaves < 100; leaves++) {
    // whoever leaves is followed by another one of its kind, which comes after `both`
    const oldest = inside()[0] as Wish
    want(oldest.groups)
    leave(oldest)
    await settled()
  }
  assert.ok(leaves <= 8, `${leaves} left before it`)
})

test('runs share a job, the origin of their target, and the key that started them', () => {
  const of = (action: object, startedBy: string | null = null) =>
    groupsOf({ authored: { id: 'a', action }, view: { project: null } } as Look, startedBy)
  assert.deepEqual(of({ type: 'http', url: 'HTTPS://u:p@API.example:443/x?y' }, 'k'), [
    'job a',
    'key k',
    'origin https://api.example',
  ])
  assert.deepEqual(of({ type: 'http', url: 'https://api.example/{{slot}}' }), [
    'job a',
    'origin https://api.example',
  ])
  for (const url of ['{{secrets.URL}}', '{{ secrets.URL }}/x?y={{slot}}'])
    assert.deepEqual(of({ type: 'http', url }), ['job a', 'origin {{secrets.url}}'])
  assert.deepEqual(of({ type: 'http', url: 'https://{{secrets.HOST}}:8080/x' }), [
    'job a',
    'origin https://{{secrets.host}}:8080',
  ])
  assert.deepEqual(of({ type: 'http', url: 'https://{{secrets.HOST}}{{input}}/x' }), ['job a'])
  assert.deepEqual(of({ type: 'http', url: 'https://{{input}}/x' }), ['job a'])
  assert.deepEqual(of({ type: 'prompt' }), ['job a', 'origin of the usual model'])
  assert.deepEqual(of({ type: 'prompt', base_url: 'http://m.example/v1' }), [
    'job a',
    'origin http://m.example',
  ])
  assert.deepEqual(of({ type: 'command', command: 'x' }), ['job a', 'programs'])
})
