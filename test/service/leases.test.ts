import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Look, Store } from '../../db/index.ts'
import type { Decision } from '../../src/decisions/index.ts'
import { createHolds } from '../../src/ground/holds.ts'
import { createRest } from '../../src/run/rest.ts'
import { createRunner } from '../../src/run/runner.ts'
import { createModel, type Model } from '../decisions/model.ts'
import { createManualTimers } from '../fly/timers.ts'

/** A runner whose attempts go on until they are told to stop, on a clock of the test. */
function setup() {
  const timers = createManualTimers()
  const renewals: { at: number; runs: string[] }[] = []
  const store: Partial<Store> = {
    async renew({ held }) {
      renewals.push({ at: timers.now(), runs: held.map(({ runId }) => runId).toSorted() })
      return new Set(held.map(({ runId }) => runId))
    },
  }
  const runner = createRunner({
    ...{
      store: store as Store,
      timers,
      holds: createHolds(),
      rest: createRest(),
      owner: 'a:b',
      maxConcurrent: 5,
    },
    actions: {
      run: (_job, _run, signal) =>
        new Promise((resolve) =>
          signal.addEventListener('abort', () => resolve({ state: 'interrupted' }), { once: true }),
        ),
    },
    log: { info() {}, error() {} },
    settle: async () => {},
    giveBack: async () => {},
    onBegin: () => () => {},
  })
  const accept = (model: Model, leaseMs: number) => {
    const { starts } = model.fire('09:00') as Decision
    const { id } = model.job()
    const authored = { id, name: 'a job', action: { type: 'http' }, prompt: null, skills: [] }
    const look = { authored, view: model.view() } as unknown as Look
    runner.reserve({ look, startedBy: null, count: starts.length })
    runner.accept({
      look,
      startedBy: null,
      starts,
      leaseMs,
      askedAt: timers.now(),
      heardAt: timers.now(),
      hasBegun: true,
    })
    return starts[0]?.id ?? ''
  }
  return { timers, renewals, runner, accept }
}

test('a short lease is renewed in time, though a renewal for a long one is further ahead', async () => {
  const { timers, renewals, runner, accept } = setup()
  const long = createModel()
  const short = createModel({ id: '000000000001' })
  // an id of its own for the run of the second job
  short.runNow()
  short.settle({ state: 'succeeded' })
  accept(long, 300_000)
  await timers.pass(1_000)
  const shortRun = accept(short, 6_000)
  await timers.pass(2_000)
  assert.deepEqual(
    renewals.map(({ at, runs }) => [at, runs.includes(shortRun)]),
    [[3_000, true]],
  )
  await timers.pass(20_000)
  assert.equal(renewals.length, 11)
  assert.ok(runner.isHeld(shortRun, short.theRun(shortRun).fence))
})

test('a long lease that comes later moves no renewal back', async () => {
  const { timers, renewals, accept } = setup()
  const short = createModel({ id: '000000000001' })
  short.runNow()
  short.settle({ state: 'succeeded' })
  accept(short, 6_000)
  accept(createModel(), 300_000)
  await timers.pass(2_000)
  assert.deepEqual(
    renewals.map(({ at, runs }) => [at, runs.length]),
    [[2_000, 2]],
  )
})
