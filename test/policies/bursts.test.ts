import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { type Json, type Service, startService } from '../support/service.ts'
import { hook } from './setup.ts'
import { until } from '../support/until.ts'

const clock = '2026-06-18T09:00:00Z'
const slot = '2026-06-18T10:00:00Z'

async function start(t: TestContext, places: number): Promise<Service> {
  const service = await startService({ clock, env: { MAX_CONCURRENT_RUNS: String(places) } })
  t.after(() => service.close())
  return service
}

/** So many jobs that are due at `slot`: one that was made by the API, and copies of its rows. */
async function makeJobs(service: Service, count: number): Promise<string[]> {
  const { sql } = service.database
  const first = await service.makeJob({ action: hook(service), schedule: slot })
  await sql`
    insert into jobs (id, name, schedule, timezone, anchor, action)
    select lpad(to_hex(n), 12, '0'), name, schedule, timezone, anchor, action
    from jobs, generate_series(1, ${count - 1}) n where id = ${first.id}`
  await sql`
    insert into job_runtime (job_id, next_slot, wake_at)
    select j.id, r.next_slot, r.wake_at from jobs j, job_runtime r where r.job_id = ${first.id} and j.id <> ${first.id}`
  const rows = await sql<{ id: string }[]>`select id from jobs order by id`
  return rows.map(({ id }) => id)
}

/** Fires each of them once, at most so many calls at a time; the answers in the same order. */
async function fireAll(service: Service, jobIds: string[], atOnce: number) {
  const token = await service.nas.signFireToken()
  const answers: { status: number; headers: Headers; body: Json }[] = []
  const left = jobIds.entries()
  const one = async () => {
    for (const [n, id] of left) answers[n] = await service.fire({ job_id: id, fire_at: slot }, token)
  }
  await Promise.all(Array.from({ length: atOnce }, one))
  return answers
}

/** How many of the target's calls were under way at once, at most. */
function watchTarget({ target }: Service, holdMs: number) {
  target.behave('/hook', { does: 'slow', value: holdMs })
  return () => {
    const starts = target.calls.map(({ at }) => Date.parse(at))
    return Math.max(
      ...starts.map((from) => starts.filter((at) => at >= from && at < from + holdMs - 5).length),
    )
  }
}

test('of 500 fires in one go all are claimed and acknowledged, run at MAX_CONCURRENT_RUNS, none lost and none twice', async (t) => {
  const service = await start(t, 10)
  const jobIds = await makeJobs(service, 500)
  const mostAtOnce = watchTarget(service, 20)
  service.setClock(slot)
  const answers = await fireAll(service, jobIds, 50)
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [202])
  await service.target.waitFor(500, 40_000)
  await until('all are settled', async () => {
    const { body } = await service.api('GET', '/api/status')
    return body.runs.succeeded === 500
  })
  const called = service.target.calls.map(({ headers }) => headers['x-chronos-job'])
  assert.deepEqual([called.length, new Set(called).size], [500, 500])
  assert.ok(mostAtOnce() <= 10, `${mostAtOnce()} at once`)
})

// hundreds of runs, of which one is made at a time
const oneByOne = { withinMs: 100_000 }

test('a full queue answers 503 with a spread Retry-After and claims nothing; what waits runs, and so does the retry', async (t) => {
  const service = await start(t, 1)
  const jobIds = await makeJobs(service, 530)
  service.target.behave('/hook', { does: 'hang' })
  service.setClock(slot)
  const answers = await fireAll(service, jobIds, 40)
  const refused = answers.filter(({ status }) => status === 503)
  assert.equal(answers.filter(({ status }) => status === 202).length + refused.length, 530)
  // one runs and 500 wait; fires that come together may not see each other's claims, and count as if they had claimed
  assert.ok(refused.length >= 29 && refused.length <= 29 + 40, `${refused.length} were refused`)
  assert.deepEqual([...new Set(refused.map(({ body }) => body.code))], ['QUEUE_FULL'])
  const waits = refused.map(({ headers }) => Number(headers.get('retry-after')))
  assert.ok(waits.every((seconds) => seconds >= 5 && seconds <= 60))
  assert.ok(new Set(waits).size > 5, `spread over ${[...new Set(waits)].join(' ')} s`)
  const [claims] = await service.database.sql`select count(*)::int as n from runs`
  assert.equal(claims?.['n'], 530 - refused.length)

  service.target.behave('/hook', { does: 'status' })
  const { body } = await service.api('GET', '/api/runs?status=running')
  await service.api('POST', `/api/runs/${body.runs[0].id}/cancel`)
  await until(
    'there is room again',
    async () => {
      const { body: status } = await service.api('GET', '/api/status')
      return status.process.runs.queued === 0
    },
    oneByOne,
  )
  const late = jobIds.filter((_, n) => answers[n]?.status === 503)
  const again = await fireAll(service, late, 10)
  assert.deepEqual([...new Set(again.map(({ status }) => status))], [202])
  await until(
    'all are over',
    async () => {
      const { body: status } = await service.api('GET', '/api/status')
      return status.runs.succeeded === 529 && status.runs.cancelled === 1
    },
    oneByOne,
  )
  const called = service.target.calls.map(({ headers }) => headers['x-chronos-job'])
  assert.deepEqual([called.length, new Set(called).size], [530, 530])
})
