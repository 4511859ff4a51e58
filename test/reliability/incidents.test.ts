import assert from 'node:assert/strict'
import { test } from 'node:test'
import { set, stage, startsAt } from './setup.ts'

const common = await stage()

const everyFive = '*/5 * * * *'

test('a pause, a resume and a manual run arm with the arm lease that their own write took, at once', async (t) => {
  const { world, make } = await set(t, common)
  const id = await make({ schedule: everyFive })
  for (const change of ['pause', 'resume', 'runNow'] as const) {
    world.steps.begin([])
    assert.equal(await world.client[change](id), 'done')
    assert.equal(world.now().getTime(), Date.parse(startsAt), `${change} waited for an arm lease`)
    assert.ok(!world.steps.labels().includes('store.takeArm'), `${change} took a second arm lease`)
  }
})
