import assert from 'node:assert/strict'
import { test } from 'node:test'
import { playOnce } from '../../dev/torture/kill.ts'
import { mannerScenarios } from '../../dev/torture/manners.ts'
import { at, set, stage } from './setup.ts'

const common = await stage()

test('a job outlives a NAS that swallows a dedup_key which it has seen before', async (t) => {
  const { world, witness, make } = await set(t, common)
  await world.nas.misbehave('swallow_dedup')
  const id = await make({ schedule: '7 * * * *' })
  for (const schedule of ['9 * * * *', '7 * * * *']) {
    assert.equal(await world.client.change(id, { schedule }), 'done')
  }
  await world.until(at(8))
  assert.deepEqual(
    witness.effects().map(({ slot }) => slot),
    [at(7).toISOString()],
  )
})

test('a job outlives a NAS that forgets a newer arm when an older one is acknowledged', async (t) => {
  const { world, witness, make } = await set(t, common)
  await world.nas.misbehave('forget_on_2xx')
  await make({ schedule: '*/5 * * * *' })
  await world.until(at(21))
  assert.equal(witness.effects().length, 4)
})

for (const scenario of mannerScenarios) {
  test(`nothing is lost and nothing runs twice: ${scenario.name}`, async () => {
    const { judged, problems } = await playOnce({ ...common, scenario, retries: false, kills: [] })
    assert.deepEqual(problems, [])
    assert.deepEqual([judged.missed, judged.extra], [0, 0])
  })
}
