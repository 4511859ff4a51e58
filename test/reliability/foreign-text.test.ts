import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { startDiscordReceiver } from '../../dev/receivers/index.ts'
import { type Json, type Service, startService } from '../support/service.ts'
import { putChannel } from '../channels/setup.ts'
import { until } from '../support/until.ts'

const emoji = '\u{1F600}'
let service: Service

before(async () => {
  service = await startService({
    clock: '2026-06-18T08:00:00Z',
    env: { TARGET_ALLOW: '127.0.0.0/8', ENCRYPTION_KEY: randomBytes(32).toString('base64') },
  })
  // whatever Postgres may refuse: here what has this word in it, with the code of text that JSON cannot hold
  await service.database.sql.unsafe(`
    create function refuse() returns trigger language plpgsql as $$
      begin raise exception 'refused' using errcode = '22P05'; end $$;
    create trigger refuse_runs before update on runs for each row
      when (new.output like '%unstorable%') execute function refuse();
    create trigger refuse_deliveries before update on deliveries for each row
      when (new.error_message like '%unstorable%') execute function refuse()`)
})
after(() => service.close())

/** The run that was started, once its deliveries are over as well. */
async function over(runId: string): Promise<{ run: Json; deliveries: Json[] }> {
  return until(`run ${runId} is over, with its deliveries`, async () => {
    const { run } = (await service.api('GET', `/api/runs/${runId}`)).body
    const told = await service.api('GET', `/api/runs/${runId}/deliveries`)
    const { deliveries } = told.body as { deliveries: Json[] }
    const isOver = !['claimed', 'running'].includes(run.state)
    return isOver && deliveries.every(({ state }) => state !== 'pending') && { run, deliveries }
  })
}

async function runJob(fields: Record<string, unknown>) {
  const job = await service.makeJob(fields)
  const { body } = await service.api('POST', `/api/jobs/${job.id}/run`)
  return { job, ...(await over(body.run.id)) }
}

async function reportTo(job: Json, report: object) {
  const callsBefore = service.target.calls.length
  const { body } = await service.api('POST', `/api/jobs/${job.id}/run`)
  const [call] = (await service.target.waitFor(callsBefore + 1)).slice(-1)
  const answer = await fetch(String(call?.headers['x-chronos-callback']), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(report),
  })
  return { status: answer.status, ...(await over(body.run.id)) }
}

async function laterJob(path: string): Promise<Json> {
  service.target.behave(path, { does: 'status', value: 202 })
  const action = { type: 'http', url: `${service.target.url}${path}`, callback: { deadline_ms: 60_000 } }
  return service.makeJob({ action })
}

test("a receiver's answer that is cut amid an emoji settles the delivery, without the emoji", async (t) => {
  const receiver = await startDiscordReceiver()
  t.after(() => receiver.close())
  await putChannel(service, 'emoji', { type: 'discord', url: `${receiver.url}/api/webhooks/1/x` })
  receiver.behave({
    does: 'answer',
    status: 400,
    body: JSON.stringify({ code: 1, message: `${'x'.repeat(197)}${emoji}` }),
  })
  const { deliveries } = await runJob({ deliver: [{ channel: 'emoji', on: 'always' }] })
  assert.deepEqual([deliveries[0]?.state, deliveries[0]?.error.code], ['failed', 'HTTP_STATUS'])
  assert.equal(deliveries[0]?.error.message, `${receiver.url} answered 400: 1 ${'x'.repeat(197)}`)
})

test('a report whose message or output is cut amid an emoji is taken', async () => {
  const job = await laterJob('/emoji')
  const failed = await reportTo(job, { state: 'failed', error: `${'x'.repeat(999)}${emoji}` })
  assert.deepEqual([failed.status, failed.run.state], [200, 'failed'])
  assert.deepEqual(failed.run.error, { code: 'TARGET_FAILED', message: 'x'.repeat(999) })
  const done = await reportTo(job, { state: 'succeeded', output: `${'x'.repeat(65_535)}${emoji}` })
  assert.deepEqual([done.status, done.run.state, done.run.output], [200, 'succeeded', 'x'.repeat(65_535)])
  const half = await reportTo(job, { state: 'failed', error: { message: 'a\ud83db\0c' } })
  assert.deepEqual([half.status, half.run.error.message], [200, 'a\ufffdbc'])
})

test('an outcome that Postgres refuses is settled as failed, with a code that says so', async () => {
  service.target.behave('/refused', { does: 'status', value: 200, body: 'unstorable' })
  const action = { type: 'http', url: `${service.target.url}/refused` }
  const { job, run } = await runJob({ action, retry: { attempts: 3 } })
  assert.deepEqual(
    [run.state, run.attempt, run.error.code, run.output],
    ['failed', 1, 'OUTCOME_UNSTORABLE', null],
  )
  assert.match(run.error.message, /^the attempt ended as succeeded, .*22P05/)
  const { body } = await service.api('GET', `/api/jobs/${job.id}`)
  assert.equal(body.job.last_status, 'error')
})

test('a report that Postgres refuses is settled as failed, and answered', async () => {
  const { status, run } = await reportTo(await laterJob('/later'), {
    state: 'succeeded',
    output: 'unstorable',
  })
  assert.deepEqual([status, run.state, run.error.code], [200, 'failed', 'OUTCOME_UNSTORABLE'])
})

test('how a delivery went, if Postgres refuses it, is settled as failed and not tried for ever', async (t) => {
  const receiver = await startDiscordReceiver()
  t.after(() => receiver.close())
  await putChannel(service, 'refused', { type: 'discord', url: `${receiver.url}/api/webhooks/1/x` })
  receiver.behave({ does: 'answer', status: 400, body: '{"code":1,"message":"unstorable"}' })
  const { deliveries } = await runJob({ deliver: [{ channel: 'refused', on: 'always' }] })
  assert.deepEqual([deliveries[0]?.state, deliveries[0]?.error.code], ['failed', 'OUTCOME_UNSTORABLE'])
  assert.equal(receiver.calls.length, 1)
})

test("a NUL in a path or a query is the caller's mistake", async () => {
  const refused = [
    ['GET', '/api/channels/a%00b'],
    ['GET', '/api/secrets/a%00b'],
    ['DELETE', '/api/channels/a%00b'],
    ['GET', '/api/jobs?q=%00'],
    ['GET', '/api/jobs?tag=%00'],
    ['GET', '/api/jobs?cursor=%00'],
    ['GET', '/api/runs?job=%00'],
    ['GET', '/api/runs?status=%00'],
    ['GET', '/api/audit?actor=%00'],
    ['GET', '/api/keys/%00'],
  ] as const
  for (const [method, path] of refused) {
    const { status } = await service.api(method, path)
    assert.ok(status >= 400 && status < 500, `${method} ${path}: ${status}`)
  }
})
