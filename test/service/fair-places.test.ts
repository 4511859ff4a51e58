import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startTarget, type Target } from '../../dev/target/index.ts'
import { makeKey } from '../keys/setup.ts'
import { type Json, type Service, startService } from '../support/service.ts'
import { until } from '../support/until.ts'

let service: Service
let other: Target
before(async () => {
  other = await startTarget()
  service = await startService({ env: { MAX_CONCURRENT_RUNS: '6' } })
})
after(async () => {
  await service.close()
  await other.close()
})

const started = async (job: Json, headers = {}): Promise<string> =>
  (await service.api('POST', `/api/jobs/${job.id}/run`, {}, headers)).body.run.id
const runOf = async (id: string): Promise<Json> => (await service.api('GET', `/api/runs/${id}`)).body.run
const status = async (): Promise<Json> => (await service.api('GET', '/api/status')).body
/** The status, once it is as `isSo` says. */
const statusWith = (isSo: (shown: Json) => boolean): Promise<Json> =>
  until(`a status: ${isSo.toString()}`, async () => {
    const shown = await status()
    return isSo(shown) && shown
  })

const idsOf = (runs: { id: string }[]) => runs.map(({ id }) => id).toSorted()

test('calls that hang leave half of the places to others, and those that wait for one show it', async () => {
  service.target.behave('/hang', { does: 'hang' })
  const hanging = { type: 'http', url: `${service.target.url}/hang` }
  const jobs = await Promise.all(Array.from({ length: 20 }, () => service.makeJob({ action: hanging })))
  const { as } = await makeKey(service, { scopes: ['runs:start', 'jobs:read'] })
  // one by one, so that they wait in the order of the list
  const runs: string[] = []
  for (const job of jobs) runs.push(await started(job, as))
  await service.target.waitFor(3)

  // someone else's job goes on at once
  const quick = await service.makeJob({ action: { type: 'http', url: `${other.url}/quick` } })
  const run = await started(quick)
  await until('the quick run has ended', async () => (await runOf(run)).state === 'succeeded')
  assert.equal(service.target.calls.length, 3)

  const { waiting_for_place: waiting } = await statusWith(({ waiting_for_place: seen }) => seen.runs === 17)
  assert.ok(Date.now() - Date.parse(waiting.oldest_since) >= 900)
  const { body: metrics } = await service.api('GET', '/metrics')
  assert.match(metrics, /^chronos_runs_waiting_for_place 17$/m)
  const shown = await Promise.all(runs.map(runOf))
  const claimed = shown.filter(({ state }) => state === 'claimed')
  assert.equal(claimed.length, 17)
  assert.ok(claimed.every(({ waiting_since: since }) => Date.parse(since) > 0))
  assert.ok(
    shown.filter(({ state }) => state === 'running').every(({ waiting_since: since }) => since === null),
  )
})

test('as places are left those that wait begin, in their order, and show it no longer', async () => {
  const callsBefore = service.target.calls.length
  const { runs } = (await service.api('GET', '/api/runs?status=running')).body as { runs: Json[] }
  const waits = (await service.api('GET', '/api/runs?status=claimed')).body as { runs: Json[] }
  for (const { id } of runs) await service.api('POST', `/api/runs/${id}/cancel`)
  await service.target.waitFor(callsBefore + 3)
  const { waiting_for_place: waiting } = await statusWith(({ waiting_for_place: seen }) => seen.runs <= 14)
  assert.equal(waiting.runs, 14)
  // the list has the newest first
  const oldest = idsOf(waits.runs.slice(-3))
  const begun = (await service.api('GET', '/api/runs?status=running')).body as { runs: Json[] }
  assert.deepEqual(idsOf(begun.runs), oldest)
  // what waits and is cancelled never begins
  for (const { id } of waits.runs) await service.api('POST', `/api/runs/${id}/cancel`)
  const free = await statusWith(({ process }) => process.runs.running === 0)
  assert.deepEqual([free.process.runs.queued, free.waiting_for_place.runs], [0, 0])
  assert.equal(service.target.calls.length, callsBefore + 3)
})

test('a key that starts runs of many targets has half of the places as well', async () => {
  const targets = await Promise.all(Array.from({ length: 5 }, () => startTarget()))
  try {
    for (const target of targets) target.behave('/hang', { does: 'hang' })
    const jobs = await Promise.all(
      targets.map(({ url }) => service.makeJob({ action: { type: 'http', url: `${url}/hang` } })),
    )
    const runs = await Promise.all(jobs.map((job) => started(job)))
    const seen = await statusWith(({ process }) => process.runs.waiting === 2)
    assert.equal(seen.process.runs.running, 3)
    for (const id of runs) await service.api('POST', `/api/runs/${id}/cancel`)
    await statusWith(({ process }) => process.runs.running === 0)
  } finally {
    await Promise.all(targets.map((target) => target.close()))
  }
})
