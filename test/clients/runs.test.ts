import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { codeOf } from '../rest/setup.ts'
import type { Json, Service } from '../support/service.ts'
import { finished, startForClients } from './setup.ts'

// "What failed last night" in one call.

let service: Service
before(async () => {
  service = await startForClients()
})
after(() => service.close())

const runsOf = async (query: string) => {
  const { status, body } = await service.api('GET', `/api/runs?${query}`)
  assert.equal(status, 200, JSON.stringify(body))
  return body.runs as Json[]
}
const idsOf = async (query: string) => (await runsOf(query)).map(({ id }) => id as string)

async function runAt(at: string, job: Json): Promise<string> {
  service.setClock(at)
  const { run } = (await service.api('POST', `/api/jobs/${job.id}/run`)).body
  await finished(service, run.id)
  // the order of runs is their time by Postgres' own clock, which is not that of this test
  await service.database.sql`
    update runs set seq = extract(epoch from claimed_at) * 1000000 where id = ${run.id}`
  return run.id
}

test('runs are filtered by time, by several states and by the tag of their job, and carry its name', async () => {
  const failing = { type: 'http', url: `${service.target.url}/fails` }
  service.target.behave('/fails', { does: 'status', value: 500 })
  const [good, bad] = [
    await service.makeJob({ name: 'good', tags: ['night'] }),
    await service.makeJob({ name: 'bad', tags: ['night', 'db'], action: failing }),
  ]
  const late = await runAt('2026-06-18T21:59:59Z', bad)
  const night = await runAt('2026-06-18T22:00:00Z', bad)
  const fine = await runAt('2026-06-18T23:00:00Z', good)
  const morning = await runAt('2026-06-19T06:00:00Z', bad)
  const lastNight = 'since=2026-06-19T00:00:00%2B02:00&until=2026-06-19T06:00:00Z'
  assert.deepEqual(await idsOf(`${lastNight}&status=failed,timed_out,interrupted`), [night])
  assert.deepEqual(await idsOf(lastNight), [fine, night])
  assert.deepEqual(await idsOf('status=failed,succeeded&tag=night'), [morning, fine, night, late])
  assert.deepEqual(await idsOf('tag=db&since=2026-06-18T23:00:00Z'), [morning])
  assert.deepEqual(await idsOf('tag=nothing'), [])
  const names = (await runsOf('tag=night')).map(({ job_name: name }) => name as string)
  assert.deepEqual(names, ['bad', 'good', 'bad', 'bad'])
  const { runs } = (await service.api('GET', `/api/jobs/${bad.id}/runs?${lastNight}&status=failed`)).body
  assert.deepEqual([runs.length, runs[0].id, runs[0].job_name], [1, night, 'bad'])
})

test('filters that cannot be read are refused, with what they may be', async () => {
  for (const query of [
    'status=failed,faild',
    'status=',
    'status=failed,',
    'since=yesterday',
    'until=2026-06-19',
    'tag=',
  ])
    assert.equal(codeOf(await service.api('GET', `/api/runs?${query}`)), '400 FIELD_INVALID', query)
  const { body } = await service.api('GET', '/api/runs?status=faild')
  assert.match(body.detail, /status: must be one or several of claimed, .*skipped.*, not "faild"/)
})
