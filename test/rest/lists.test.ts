import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Service, startService } from '../support/service.ts'
import { codeOf, idsOf } from './setup.ts'

let service: Service
before(async () => {
  service = await startService({ clock: '2026-06-18T08:00:00Z' })
})
after(() => service.close())

test('GET /api/jobs lists newest first, and a cursor neither skips nor repeats while jobs are added', async () => {
  const made: string[] = []
  for (let index = 0; index < 7; index++) made.push((await service.makeJob({ tags: ['paged'] })).id)
  const seen: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const page: { jobs: { id: string }[]; next_cursor: string | null } = (
      await service.api('GET', `/api/jobs?tag=paged&limit=3${cursor && `&cursor=${cursor}`}`)
    ).body
    seen.push(...page.jobs.map(({ id }) => id))
    cursor = page.next_cursor
    await service.makeJob({ tags: ['paged'] })
  }
  assert.deepEqual(seen, made.toReversed())
})

test('a page that is exactly full and the last one has no cursor', async () => {
  for (let index = 0; index < 2; index++) await service.makeJob({ tags: ['two'] })
  const { body } = await service.api('GET', '/api/jobs?tag=two&limit=2')
  assert.deepEqual([body.jobs.length, body.next_cursor], [2, null])
})

test('a cursor that we did not give out is answered 400', async () => {
  for (const cursor of ['x', Buffer.from('runs:1').toString('base64url')])
    assert.equal(codeOf(await service.api('GET', `/api/jobs?cursor=${cursor}`)), '400 CURSOR_INVALID')
})

test('GET /api/jobs shows paused jobs with include_disabled, and by their state', async () => {
  const [active, paused] = [
    await service.makeJob({ tags: ['mixed'] }),
    await service.makeJob({ tags: ['mixed'] }),
  ]
  await service.api('POST', `/api/jobs/${paused.id}/pause`)
  const ids = async (query: string) => idsOf(await service.api('GET', `/api/jobs?tag=mixed&${query}`))
  assert.deepEqual(await ids(''), [active.id])
  assert.deepEqual(await ids('include_disabled=false'), [active.id])
  assert.deepEqual(await ids('include_disabled=true'), [paused.id, active.id])
  assert.deepEqual(await ids('include_disabled=1'), [paused.id, active.id])
  assert.deepEqual(await ids('state=paused'), [paused.id])
})

test('GET /api/jobs finds by a part of name or prompt, and % means itself', async () => {
  const named = await service.makeJob({ name: '100% Ädel' })
  const prompted = await service.makeJob({ prompt: 'tell me of ÄDEL things' })
  const find = async (text: string) =>
    idsOf(await service.api('GET', `/api/jobs?q=${encodeURIComponent(text)}`))
  assert.deepEqual(await find('ädel'), [prompted.id, named.id])
  assert.deepEqual(await find('0%'), [named.id])
  assert.deepEqual(await find('1_0'), [])
})

test('a job in the list is the job that is read alone', async () => {
  const job = await service.makeJob({
    tags: ['same'],
    deliver: ['local', { type: 'healthcheck', url: 'https://example.com/', on: 'failure' }],
    skills: ['a "b"', 'c,d'],
  })
  const { run } = (await service.api('POST', `/api/jobs/${job.id}/run`)).body
  await finished(run.id)
  const read = async () => (await service.api('GET', `/api/jobs/${job.id}`)).body.job
  let alone = await read()
  // the arm for the run's lease is relaxed after its end
  while (!alone.armed) alone = await read()
  const [listed] = (await service.api('GET', '/api/jobs?tag=same')).body.jobs
  assert.deepEqual(listed, alone)
  assert.deepEqual(
    [listed.skills, listed.deliver],
    [
      ['a "b"', 'c,d'],
      ['local', { type: 'healthcheck', url: 'https://example.com/', on: 'failure' }],
    ],
  )
  assert.deepEqual([listed.latest_execution.id, listed.last_status], [run.id, 'ok'])
})

test('GET /api/jobs/{id}/runs and GET /api/runs list runs, newest first, with paging and filters', async () => {
  const [job, other] = [await service.makeJob(), await service.makeJob()]
  const made: string[] = []
  for (const one of [job, job, other]) {
    const { run } = (await service.api('POST', `/api/jobs/${one.id}/run`)).body
    made.push(run.id)
    await finished(run.id)
  }
  const ids = async (path: string) => idsOf(await service.api('GET', path))
  assert.deepEqual(await ids(`/api/jobs/${job.id}/runs`), [made[1], made[0]])
  assert.deepEqual(await ids(`/api/runs?job=${other.id}`), [made[2]])
  assert.deepEqual((await ids('/api/runs?status=succeeded')).slice(0, 3), made.toReversed())
  assert.deepEqual((await ids('/api/runs?status=success')).slice(0, 3), made.toReversed())
  assert.deepEqual(await ids(`/api/runs?job=${job.id}&status=failure,running`), [])
  assert.deepEqual(await ids(`/api/runs?job=${job.id}&status=failed`), [])
  const first = (await service.api('GET', `/api/jobs/${job.id}/runs?limit=1`)).body
  assert.deepEqual(await ids(`/api/jobs/${job.id}/runs?limit=1&cursor=${first.next_cursor}`), [made[0]])
  assert.equal(codeOf(await service.api('GET', '/api/jobs/ffffffffffff/runs')), '404 JOB_NOT_FOUND')
})

test('GET /api/runs/{id} tells a run in the shape that clients read, with its attempts and output', async () => {
  service.target.behave('/says', { does: 'status', body: 'hello' })
  const job = await service.makeJob({ action: { type: 'http', url: `${service.target.url}/says` } })
  const started = (await service.api('POST', `/api/jobs/${job.id}/run`, { input: '5' })).body.run
  const run = await finished(started.id)
  const { attempts, output, ...rest } = run
  assert.deepEqual(rest, {
    id: started.id,
    job_id: job.id,
    job_name: 'a job',
    slot: null,
    trigger: 'manual',
    state: 'succeeded',
    reason: null,
    attempt: 1,
    claimed_at: '2026-06-18T08:00:00.000Z',
    started_at: '2026-06-18T08:00:00.000Z',
    finished_at: '2026-06-18T08:00:00.000Z',
    duration_ms: 0,
    lateness_ms: null,
    input: '5',
    error: null,
    skipped_reason: null,
    usage: null,
    callback_until: null,
    waiting_since: null,
    output_cut: false,
    project: 'default',
  })
  assert.equal(attempts.length, 1)
  assert.match(output, /hello/)
  const unknown = '00000000-0000-4000-8000-000000000000'
  assert.equal(codeOf(await service.api('GET', `/api/runs/${unknown}`)), '404 RUN_NOT_FOUND')
  assert.equal(codeOf(await service.api('GET', '/api/runs/7')), '400 RUN_ID_INVALID')
})

test('a list cuts a long output, and the run alone has all of it', async () => {
  service.target.behave('/long', { does: 'status', body: 'x'.repeat(10_000) })
  const job = await service.makeJob({ action: { type: 'http', url: `${service.target.url}/long` } })
  const { id } = (await service.api('POST', `/api/jobs/${job.id}/run`)).body.run
  const whole = await finished(id)
  const [listed] = (await service.api('GET', `/api/jobs/${job.id}/runs`)).body.runs
  assert.deepEqual([listed.output.length, listed.output_cut], [4096, true])
  assert.deepEqual([whole.output.length > 10_000, whole.output_cut], [true, false])
  assert.equal(String(whole.output).slice(0, 4096), listed.output)
})

test('POST /api/runs/{id}/cancel ends a live run; one that has finished is answered 409', async () => {
  service.target.behave('/hang', { does: 'hang' })
  const job = await service.makeJob({ action: { type: 'http', url: `${service.target.url}/hang` } })
  const { id } = (await service.api('POST', `/api/jobs/${job.id}/run`)).body.run
  await service.target.waitFor((calls) => calls.some(({ path }) => path === '/hang'))
  const { status, body } = await service.api('POST', `/api/runs/${id}/cancel`)
  assert.deepEqual([status, body.run.state], [202, 'cancelled'])
  await service.target.allClosed()
  assert.equal(codeOf(await service.api('POST', `/api/runs/${id}/cancel`)), '409 RUN_STATE_CONFLICT')
  const unknown = '00000000-0000-4000-8000-000000000000'
  assert.equal(codeOf(await service.api('POST', `/api/runs/${unknown}/cancel`)), '404 RUN_NOT_FOUND')
})

/** The run once it has ended; each look is one answered request, so this takes as long as the run does. */
async function finished(id: string) {
  for (let looks = 0; looks < 500; looks++) {
    const { run } = (await service.api('GET', `/api/runs/${id}`)).body
    if (run.finished_at) return run
  }
  throw new Error(`run ${id} has not ended`)
}
