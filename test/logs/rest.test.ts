import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { type Model, startModel } from '../../dev/model/index.ts'
import { apiKey, type Json, type Service, startService } from '../support/service.ts'
import { assertTook } from '../support/limits.ts'

let service: Service
let model: Model
before(async () => {
  model = await startModel()
  service = await startService({
    env: { PROMPT_BASE_URL: model.url, PROMPT_API_KEY: 'prompt-key-0123456789', PROMPT_MODEL: 'small' },
  })
})
after(async () => {
  await service.close()
  await model.close()
})

async function startPrompt(prompt = 'How are you?'): Promise<string> {
  const job = await service.makeJob({ action: { type: 'prompt' }, prompt })
  const { status, body } = await service.api('POST', `/api/jobs/${job.id}/run`)
  assert.equal(status, 202)
  return body.run.id
}

const call = (path: string, headers: Record<string, string> = {}, signal?: AbortSignal) =>
  fetch(service.url + path, {
    headers: { authorization: `Bearer ${apiKey}`, ...headers },
    ...(signal && { signal }),
  })

type Told = { id: string | null; event: string; data: Json }

/** The events of an answer, as they come. */
async function* eventsOf(response: Response): AsyncGenerator<Told> {
  let rest = ''
  for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const blocks = (rest + piece).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]))
      const event = fields.get('event')
      if (event) yield { id: fields.get('id') ?? null, event, data: JSON.parse(fields.get('data') ?? '') }
    }
  }
}

async function ended(runId: string): Promise<Json> {
  const events = eventsOf(await call(`/api/runs/${runId}/logs?follow=true`))
  for await (const { event, data } of events) if (event === 'end') return data
  throw new Error('the log ended before the run')
}

async function noFollowers(): Promise<void> {
  while (service.app.holds.count('request') > 0) await service.app.holds.released()
}

test('what a run wrote is there as bytes, with its length', async () => {
  model.behave({ does: 'answer', text: 'Gr\u00fc\u00dfe' })
  const runId = await startPrompt()
  assert.deepEqual(await ended(runId), { state: 'succeeded' })
  for (const path of [`/api/runs/${runId}/logs`, `/api/runs/${runId}/logs?attempt=1`]) {
    const response = await call(path)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8')
    assert.equal(response.headers.get('x-chronos-attempt'), '1')
    assert.equal(response.headers.get('x-chronos-total-bytes'), '7')
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
    assert.equal(await response.text(), 'Gr\u00fc\u00dfe')
  }
})

test('a follower reads along while the model still speaks, and hears the end', async () => {
  model.behave({ does: 'stall', text: 'First second third' })
  const runId = await startPrompt()
  const response = await call(`/api/runs/${runId}/logs?follow=true`)
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  const events = eventsOf(response)
  const { value: first } = await events.next()
  // the last letter may be held back: a secret could begin with it
  assert.match(first?.data.text, /^First secon/)
  assert.deepEqual([first?.event, first?.data.attempt, first?.data.offset], ['log', 1, 0])
  assert.equal(first?.id, `1.${first?.data.text.length}`)
  assert.ok(service.app.holds.count('request') > 0, 'a follower keeps the process up')
  await service.api('POST', `/api/runs/${runId}/cancel`)
  const last = (await Array.fromAsync(events)).at(-1)
  assert.deepEqual([last?.event, last?.data], ['end', { state: 'cancelled' }])
})

test('a follower that comes back hears what it has not heard', async () => {
  model.behave({ does: 'answer', text: 'one two' })
  const runId = await startPrompt()
  await ended(runId)
  const response = await call(`/api/runs/${runId}/logs?follow=true`, { 'last-event-id': '1.4' })
  const told = await Array.fromAsync(eventsOf(response))
  assert.deepEqual(
    told.map(({ data }) => data),
    [{ attempt: 1, offset: 4, text: 'two' }, { state: 'succeeded' }],
  )
})

test('bytes that are no text are not called text', async () => {
  model.behave({ does: 'answer', text: 'text' })
  const runId = await startPrompt()
  await ended(runId)
  await service.database.sql`
    update attempt_logs set head = ${Buffer.from([0, 0xff])}, total = 2 where run_id = ${runId}`
  const response = await call(`/api/runs/${runId}/logs`)
  assert.equal(response.headers.get('content-type'), 'application/octet-stream')
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), Buffer.from([0, 0xff]))
})

test('a run that wrote nothing has an empty log, and no row', async () => {
  model.behave({ does: 'hang' })
  const runId = await startPrompt()
  const response = await call(`/api/runs/${runId}/logs`)
  assert.deepEqual([response.status, await response.text()], [200, ''])
  await service.api('POST', `/api/runs/${runId}/cancel`)
  await ended(runId)
  const rows = await service.database.sql`select from attempt_logs where run_id = ${runId}`
  assert.equal(rows.length, 0)
})

test('a run or an attempt that is not there is refused, followed or not', async () => {
  model.behave({ does: 'answer' })
  const runId = await startPrompt()
  for (const follow of ['', '&follow=true']) {
    const gone = await service.api('GET', `/api/runs/${randomUUID()}/logs?attempt=1${follow}`)
    assert.deepEqual([gone.status, gone.body.code], [404, 'RUN_NOT_FOUND'])
    const late = await service.api('GET', `/api/runs/${runId}/logs?attempt=9${follow}`)
    assert.deepEqual([late.status, late.body.code], [400, 'FIELD_INVALID'])
    assert.match(late.body.detail, /attempt: must be from 1 to 1, not 9/)
  }
  const stranger = await fetch(`${service.url}/api/runs/${runId}/logs`)
  assert.equal(stranger.status, 401)
})

test('fifty clients may follow at once; who goes makes room', async () => {
  model.behave({ does: 'hang' })
  const runId = await startPrompt()
  const path = `/api/runs/${runId}/logs?follow=true`
  await noFollowers()
  const gone = new AbortController()
  const followers = await Promise.all(Array.from({ length: 50 }, () => call(path, {}, gone.signal)))
  assert.deepEqual(new Set(followers.map(({ status }) => status)), new Set([200]))
  const refused = await service.api('GET', path)
  assert.deepEqual([refused.status, refused.body.code], [503, 'FOLLOWERS_FULL'])
  assert.equal(refused.headers.get('retry-after'), '5')
  gone.abort()
  await noFollowers()
  await service.api('POST', `/api/runs/${runId}/cancel`)
  assert.deepEqual(await ended(runId), { state: 'cancelled' })
})

test('what a job keeps is a policy with bounds and defaults', async () => {
  const job = await service.makeJob({ retention: { days: 7 } })
  assert.deepEqual(job.retention, { runs: 1000, days: 7, history_runs: 10_000, history_days: 90 })
  const { body } = await service.api('PATCH', `/api/jobs/${job.id}`, { retention: null })
  assert.deepEqual(body.job.retention, { runs: 1000, days: 90, history_runs: 10_000, history_days: 90 })
  const refused = await service.api('PATCH', `/api/jobs/${job.id}`, { retention: { runs: 0 } })
  assert.equal(refused.status, 400)
  assert.match(refused.body.detail, /retention.runs: must be a whole number from 1 to 10000, not 0/)
})

test('a model that repeats its key is not quoted with it', async () => {
  model.behave({
    does: 'status',
    value: 401,
    body: '{"error":{"message":"wrong key prompt-key-0123456789"}}',
  })
  const runId = await startPrompt()
  assert.deepEqual(await ended(runId), { state: 'failed' })
  const { body } = await service.api('GET', `/api/runs/${runId}`)
  assert.match(body.run.error.message, /answered 401/)
  assert.doesNotMatch(JSON.stringify(body), /prompt-key/)
  assert.equal(model.calls.at(-1)?.headers['authorization'], 'Bearer prompt-key-0123456789')
})

test('a process that goes down ends its followers', async () => {
  model.behave({ does: 'hang' })
  const other = await startService({ env: { PROMPT_BASE_URL: model.url, PROMPT_MODEL: 'small' } })
  const job = await other.makeJob({ action: { type: 'prompt' }, prompt: 'Hello' })
  const { body } = await other.api('POST', `/api/jobs/${job.id}/run`)
  const response = await fetch(`${other.url}/api/runs/${body.run.id}/logs?follow=true`, {
    headers: { authorization: `Bearer ${apiKey}` },
  })
  const told = Array.fromAsync(eventsOf(response))
  const startedAt = performance.now()
  await other.close()
  assert.ok((await told).length <= 1)
  assertTook(performance.now() - startedAt, 5_000)
})
