import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import { startDiscordReceiver } from '../../dev/receivers/index.ts'
import { putChannel, startSealing } from '../channels/setup.ts'
import { type Json, type Service } from '../support/service.ts'
import { codeOf } from './setup.ts'
import { until } from '../support/until.ts'

let service: Service
let receiver: Awaited<ReturnType<typeof startDiscordReceiver>>
before(async () => {
  service = await startSealing()
  receiver = await startDiscordReceiver()
  await putChannel(service, 'team', { type: 'discord', url: `${receiver.url}/api/webhooks/1/x` })
})
after(async () => {
  await receiver.close()
  await service.close()
})

const refuses = (message: string) => {
  receiver.behave({ does: 'answer', status: 400, body: JSON.stringify({ code: 1, message }) })
}

/** A run of the job that is over with its deliveries. */
async function over(job: Json): Promise<string> {
  const { body } = await service.api('POST', `/api/jobs/${job.id}/run`)
  return until('the run is over, with its deliveries', async () => {
    const { run } = (await service.api('GET', `/api/runs/${body.run.id}`)).body
    const told = await service.api('GET', `/api/runs/${body.run.id}/deliveries`)
    const { deliveries } = told.body as { deliveries: Json[] }
    const isOver = !['claimed', 'running'].includes(run.state)
    return isOver && deliveries.every(({ state }) => state !== 'pending') && body.run.id
  })
}

/** The fields of each warning that the service logs until the test is over. */
function warnings(t: TestContext) {
  const lines: Record<string, unknown>[] = []
  const warn = (fields: object, msg: string) => void lines.push({ ...fields, msg })
  const former = service.app.http.log.warn
  Object.assign(service.app.http.log, { warn })
  t.after(() => Object.assign(service.app.http.log, { warn: former }))
  return lines
}

const toTeam = { deliver: [{ channel: 'team', on: 'always' }] }
const channel = async () => (await service.api('GET', '/api/channels/team')).body.channel
const failed = async (query = '') =>
  (await service.api('GET', `/api/deliveries?state=failed${query}`)).body as {
    deliveries: Json[]
    next_cursor: string | null
  }

test('a run that ends otherwise than well is logged with its name, code and message', async (t) => {
  const lines = warnings(t)
  service.target.behave('/broken', { does: 'status', value: 500 })
  const job = await service.makeJob({
    name: 'nightly',
    action: { type: 'http', url: `${service.target.url}/broken` },
  })
  const runId = await over(job)
  const message = `target ${service.target.url} answered 500, expected 2xx`
  assert.deepEqual(lines, [
    {
      job: job.id,
      name: 'nightly',
      run: runId,
      state: 'failed',
      code: 'HTTP_STATUS',
      message,
      msg: 'run did not succeed',
    },
  ])
  await over(await service.makeJob())
  assert.equal(lines.length, 1)
})

test('an attempt that is followed by another one is no end of its run, and is not warned of', async (t) => {
  const lines = warnings(t)
  service.target.behave('/again', { does: 'status', value: 500, times: 1 })
  const job = await service.makeJob({
    action: { type: 'http', url: `${service.target.url}/again` },
    retry: { attempts: 2, delay_ms: 60_000 },
  })
  const { body } = await service.api('POST', `/api/jobs/${job.id}/run`)
  const read = async () => (await service.api('GET', `/api/runs/${body.run.id}`)).body.run
  while ((await read()).attempts.length === 0) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(lines, [])
})

test('a delivery that has failed is logged, counted, listed, and marked on its channel until one arrives', async (t) => {
  const lines = warnings(t)
  refuses('unknown channel')
  const job = await service.makeJob({ name: 'report', ...toTeam })
  const runId = await over(job)
  const message = `${receiver.url} answered 400: 1 unknown channel`
  const [delivery] = (await failed()).deliveries
  const ofDeliveries = lines.filter((line) => 'delivery' in line)
  assert.deepEqual(ofDeliveries, [
    {
      job: job.id,
      name: 'report',
      run: runId,
      delivery: delivery?.id,
      to: 'team',
      code: 'HTTP_STATUS',
      message,
      msg: 'delivery failed permanently',
    },
  ])
  assert.deepEqual(
    [delivery?.run_id, delivery?.job_id, delivery?.job_name, delivery?.to, delivery?.error],
    [runId, job.id, 'report', { channel: 'team' }, { code: 'HTTP_STATUS', message }],
  )
  const { failed_deliveries: told } = (await service.api('GET', '/api/status')).body
  assert.equal(told.count, 1)
  assert.deepEqual(
    [told.newest.id, told.newest.to, told.newest.error.message],
    [delivery?.id, 'team', message],
  )
  assert.match((await service.api('GET', '/metrics')).body, /^chronos_deliveries_failed 1$/m)
  const marked = await channel()
  assert.deepEqual(
    [marked.last_error, marked.last_error_at],
    [`HTTP_STATUS: ${message}`, '2026-06-18T08:00:00.000Z'],
  )

  receiver.behave(null)
  await over(job)
  const { last_error: error, last_error_at: at, disabled_at: disabledAt } = await channel()
  assert.deepEqual([error, at, disabledAt], [null, null, null])
  // what has failed stays in the list
  assert.equal((await failed()).deliveries.length, 1)
})

test('a test message that arrives, and a new configuration, clear the mark as well', async () => {
  const job = await service.makeJob(toTeam)
  refuses('nope')
  await over(job)
  assert.match((await channel()).last_error, /nope/)
  receiver.behave(null)
  assert.deepEqual((await service.api('POST', '/api/channels/team/test')).body, { delivered: true })
  assert.equal((await channel()).last_error, null)
  refuses('nope')
  await over(job)
  await putChannel(service, 'team', { type: 'discord', url: `${receiver.url}/api/webhooks/1/y` })
  assert.equal((await channel()).last_error, null)
})

test('the list has pages, newest first, and a filter that is refused if it is none', async () => {
  refuses('page')
  const job = await service.makeJob(toTeam)
  for (let n = 0; n < 3; n++) await over(job)
  const all = (await failed()).deliveries.map(({ id }) => id)
  const seen: string[] = []
  for (let cursor = ''; ; ) {
    const page = await failed(`&limit=2${cursor}`)
    seen.push(...page.deliveries.map(({ id }) => id))
    if (page.next_cursor === null) break
    cursor = `&cursor=${page.next_cursor}`
  }
  assert.deepEqual(seen, all)
  const [first, second] = (await failed()).deliveries
  assert.ok((first?.created_at ?? '') >= (second?.created_at ?? ''))
  const { body } = await service.api('GET', '/api/deliveries?state=delivered')
  assert.ok((body as { deliveries: Json[] }).deliveries.every(({ state }) => state === 'delivered'))
  assert.equal(codeOf(await service.api('GET', '/api/deliveries?state=lost')), '400 FIELD_INVALID')
  assert.equal(codeOf(await service.api('GET', '/api/deliveries?cursor=x')), '400 CURSOR_INVALID')
})

test('the failed ones are found by their index', async () => {
  const { sql } = service.database
  await sql`
    insert into deliveries (id, run_id, job_id, target, event, state, attempt, finished_at)
    select gen_random_uuid(), d.run_id, d.job_id, d.target, d.event, 'delivered', 1, now()
    from (select * from deliveries limit 1) d, generate_series(1, 5000)`
  await sql`analyze deliveries`
  const plan = await sql`
    explain select d.*, j.name from deliveries d join jobs j on j.id = d.job_id
    where d.state = 'failed' and (null::bigint is null or d.seq < null::bigint) order by d.seq desc limit 101`
  assert.match(JSON.stringify(plan), /deliveries_failed/)
})
