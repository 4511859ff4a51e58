import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { selectRuns } from '../../db/run-lists.ts'
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

test('what failed last night is read from an index, however many runs there are', async () => {
  const { sql, db } = service.database
  const job = await service.makeJob()
  await sql`
    insert into runs (id, job_id, trigger, state, fence, attempt, claimed_at, started_at, finished_at)
    select gen_random_uuid(), ${job.id}, 'fire', case when n % 1000 = 0 then 'failed' else 'succeeded' end, 0, 1, at, at, at
    from generate_series(1, 100000) n, lateral (select timestamptz '2026-01-01' + n * interval '1 minute' as at) times`
  await sql`vacuum analyze runs`
  const filter = { jobId: null, states: [], tag: null, since: null, until: null }
  const plan = async (wish: Partial<Parameters<typeof selectRuns>[1]>) => {
    const query = await db.drizzle(
      async (orm) => selectRuns(orm, { ...filter, ...wish }, { after: null, limit: 100 }).toSQL(),
      { idempotent: true, name: 'explaining' },
    )
    const rows = await sql.unsafe<{ 'QUERY PLAN': string }[]>(
      `explain (analyze, timing off, summary off) ${query.sql}`,
      query.params as string[],
    )
    const text = rows.map((row) => row['QUERY PLAN']).join('\n')
    assert.doesNotMatch(text, /Seq Scan on runs/)
    const removed = [...text.matchAll(/Rows Removed by (?:Filter|Index Recheck): (\d+)/g)]
    return { text, removed: removed.reduce((sum, [, count]) => sum + Number(count), 0) }
  }
  const night = { since: new Date('2026-02-10T20:00:00Z'), until: new Date('2026-02-11T06:00:00Z') }
  const failed = await plan({ ...night, states: ['failed', 'timed_out', 'interrupted'] })
  assert.ok(failed.removed < 5_000, failed.text)
  const all = await plan(night)
  assert.ok(all.removed < 20_000, all.text)
  const ever = await plan({ states: ['failed'] })
  assert.match(ever.text, /runs_trouble/)
  assert.equal(ever.removed, 0, ever.text)
})
