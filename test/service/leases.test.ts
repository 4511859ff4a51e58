import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Look, Store } from '../../db/index.ts'
import type { Decision } from '../../src/decisions/index.ts'
import { createLeases } from '../../src/run/leases.ts'
import { createModel, type Model } from '../decisions/model.ts'
import { createManualDelays } from '../fly/delays.ts'

/** Leases that are always renewed, on a clock of the test. */
function setup() {
  const delays = createManualDelays()
  const renewals: { at: number; runs: string[] }[] = []
  const store: Partial<Store> = {
    async renew({ held }) {
      renewals.push({ at: delays.now(), runs: held.map(({ runId }) => runId).toSorted() })
      return new Set(held.map(({ runId }) => runId))
    },
  }
  const leases = createLeases({
    store: store as Store,
    ...{ owner: 'a:b', delays, log: { error() {} } },
  })
  const hold = (model: Model, leaseMs: number) => {
    const { starts } = model.fire('09:00') as Decision
    const [write] = starts
    assert.ok(write)
    const authored = { id: model.job().id, name: 'a job', action: { type: 'http' }, prompt: null, skills: [] }
    const look = { authored, view: model.view() } as unknown as Look
    const times = { leaseMs, askedAt: delays.now(), heardAt: delays.now() }
    leases.hold({ look, write, ...times, hasBegun: true, startedBy: null })
    return write.id
  }
  return { delays, renewals, leases, hold }
}

test('a short lease is renewed in time, though a renewal for a long one is further ahead', async () => {
  const { delays, renewals, leases, hold } = setup()
  const long = createModel()
  const short = createModel({ id: '000000000001' })
  // an id of its own for the run of the second job
  short.runNow()
  short.settle({ state: 'succeeded' })
  hold(long, 300_000)
  await delays.pass(1_000)
  const shortRun = hold(short, 6_000)
  await delays.pass(2_000)
  assert.deepEqual(
    renewals.map(({ at, runs }) => [at, runs.includes(shortRun)]),
    [[3_000, true]],
  )
  await delays.pass(20_000)
  assert.equal(renewals.length, 11)
  assert.ok(leases.isHeld({ id: shortRun, fence: short.theRun(shortRun).fence }))
})

test('a long lease that comes later moves no renewal back', async () => {
  const { delays, renewals, hold } = setup()
  const short = createModel({ id: '000000000001' })
  short.runNow()
  short.settle({ state: 'succeeded' })
  hold(short, 6_000)
  hold(createModel(), 300_000)
  await delays.pass(2_000)
  assert.deepEqual(
    renewals.map(({ at, runs }) => [at, runs.length]),
    [[2_000, 2]],
  )
})
