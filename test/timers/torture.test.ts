import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mannerScenariosOf } from '../../dev/torture/manners.ts'
import { scenarios } from '../../dev/torture/scenarios.ts'
import { createRandom, some, sweep } from '../../dev/torture/sweep.ts'
import { timers } from '../../dev/torture/timers/index.ts'
import { stage } from '../reliability/setup.ts'

// A taste of `npm run torture -- --timer NAME`; that of the local NAS is in test/reliability.

const common = await stage()
const tasted = [
  'edit to earlier',
  'fire',
  'overdue at boot',
  'fire × replays',
  'edit to earlier × lost answers',
]

for (const [name, timer] of Object.entries(timers)) {
  if (name === 'nas') continue
  for (const scenario of [...scenarios, ...mannerScenariosOf(timer)]) {
    if (!tasted.includes(scenario.name)) continue
    test(`${name}: nothing is lost and nothing runs twice when processes die: ${scenario.name}`, async () => {
      const random = createRandom(20_260_618)
      const { failures, kills } = await sweep({
        ...{ ...common, scenario, retries: true, startTimer: timer.start },
        choose: (points) => some(points, 2, random),
      })
      assert.deepEqual(
        failures.map(({ kills: at, problems }) => [at, problems]),
        [],
      )
      assert.ok(kills > 0)
    })
  }
}
