import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scenarios } from '../../dev/torture/scenarios.ts'
import { createRandom, several, some, sweep } from '../../dev/torture/sweep.ts'
import { stage } from './setup.ts'

// Some of the kill points, always the same; `npm run torture` takes them all.
const random = createRandom(20_260_618)
const common = await stage()

for (const scenario of scenarios) {
  test(`${scenario.name}: whatever step a process dies at, nothing is lost and nothing runs twice`, async () => {
    for (const retries of scenario.retries ? [true] : [false, true]) {
      const row = await sweep({ ...common, scenario, retries, choose: (points) => some(points, 3, random) })
      assert.deepEqual(
        row.failures.map(({ kills, problems }) => [kills, ...problems]),
        [],
      )
      assert.deepEqual([row.judged.missed, row.judged.extra], [0, 0])
      assert.ok(row.kills > 0, 'no process has died')
    }
  })
}

test('fire: nothing is lost where the process that comes after a death dies as well', async () => {
  const scenario = scenarios.find(({ name }) => name === 'fire')
  assert.ok(scenario)
  const row = await sweep({
    ...common,
    scenario,
    retries: true,
    choose: (points) => several(points, 10, random),
  })
  assert.deepEqual(
    row.failures.map(({ kills, problems }) => [kills, ...problems]),
    [],
  )
})
