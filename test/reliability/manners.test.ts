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
  // fires on the way to the horizon only arm again, and are answered after that: what NAS forgets then is all there is
  const { world, witness, make } = await set(t, common, { env: { NAS_MAX_HORIZON: '600000' } })
  await world.nas.misbehave('forget_on_2xx')
  await make({ schedule: '55 * * * *' })
  await world.until(at(56))
  assert.deepEqual(
    witness.effects().map(({ slot }) => slot),
    [at(55).toISOString()],
  )
})

for (const scenario of mannerScenarios) {
  test(`nothing is lost and nothing runs twice: ${scenario.name}`, async () => {
    const { judged, problems } = await playOnce({ ...common, scenario, retries: false, kills: [] })
    assert.deepEqual(problems, [])
    assert.deepEqual([judged.missed, judged.extra], [0, 0])
  })
}
