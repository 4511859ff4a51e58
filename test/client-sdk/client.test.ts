import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { Compile } from 'typebox/schema'
import {
  ChronosError,
  type Chronos,
  createClient,
  verifyWebhook,
  WebhookError,
} from '../../client/src/index.ts'
import { startWebhookReceiver } from '../../dev/receivers/index.ts'
import { webhookEvent } from '../../routes/schemas/index.ts'
import { keyOf } from '../support/key.ts'
import { apiKey, type Service, startService } from '../support/service.ts'
import { startFront } from './front.ts'
import { outcomeOf, scenario } from './scenario.ts'

let service: Service
let front: Awaited<ReturnType<typeof startFront>>
let chronos: Chronos
before(async () => {
  service = await startService({ env: { ENCRYPTION_KEY: keyOf(1).toString('base64') } })
  front = await startFront(service.url)
  chronos = createClient({ url: front.url, key: apiKey })
})
after(async () => {
  front.close()
  await service.close()
})

const jobNamed = (name: string) => ({
  name,
  schedule: '0 9 * * *',
  action: { type: 'http' as const, url: `${service.target.url}/${name}` },
})
const callsOf = (pattern: RegExp) => front.seen.filter(({ call }) => pattern.test(call))

test('jobs, runs, logs, files and errors on Node', async () => {
  const outcome = await scenario({
    ...{ url: service.url, key: apiKey, target: service.target.url, prefix: 'node' },
  })
  assert.deepEqual(outcome, outcomeOf('node'))
})

test('a job whose answer was lost is made once, and one that a proxy refused is made at the next try', async () => {
  front.faults.push({ fits: /^POST \/api\/jobs$/, does: 'lose' }, { fits: /^POST \/api\/jobs$/, does: 502 })
  const { job } = await chronos.jobs.create(jobNamed('lost'))
  const keys = callsOf(/^POST \/api\/jobs$/).map(({ headers }) => headers['idempotency-key'])
  assert.deepEqual([keys.length, new Set(keys).size], [3, 1])
  const found = await chronos.jobs.list({ q: 'lost' }).all()
  assert.deepEqual(
    found.map(({ id }) => id),
    [job.id],
  )
})

test('a run is not started again after a lost answer, but it is after the rate limit', async () => {
  const { job } = await chronos.jobs.create(jobNamed('once'))
  front.faults.push({ fits: /\/run$/, does: 429 })
  // one that is live would refuse the next
  await chronos.runs.wait((await chronos.jobs.run(job.id)).id)
  front.faults.push({ fits: /\/run$/, does: 'lose' })
  await assert.rejects(chronos.jobs.run(job.id), TypeError)
  front.faults.push({ fits: /\/run$/, does: 503 })
  await assert.rejects(
    chronos.jobs.run(job.id),
    (error) => error instanceof ChronosError && error.code === null,
  )
  assert.equal((await chronos.runs.list({ job: job.id }).all()).length, 2)
})

test('a client without retries gives up at the first answer, and a plan that was agreed to is sent once', async () => {
  const hasty = createClient({ url: front.url, key: apiKey, retries: 0 })
  front.faults.push({ fits: /status/, does: 503 })
  await assert.rejects(hasty.status(), { name: 'ChronosError', status: 503 })
  const file = { jobs: { agreed: { schedule: '0 9 * * *', action: jobNamed('agreed').action } } }
  const { plan } = await chronos.plan(file)
  front.faults.push({ fits: /apply/, does: 'lose' })
  await assert.rejects(chronos.apply(file, { plan }), TypeError)
  assert.equal((await chronos.apply(file)).kept, 1)
})

test('a list is read page by page, and only as far as it is used', async () => {
  for (const letter of ['a', 'b', 'c', 'd', 'e']) await chronos.jobs.create(jobNamed(`page-${letter}`))
  const list = chronos.jobs.list({ q: 'page-', limit: 2 })
  const sizes = []
  for await (const items of list.pages()) sizes.push(items.length)
  assert.deepEqual(sizes, [2, 2, 1])
  const asked = callsOf(/q=page-/).length
  for await (const { name } of list) if (name === 'page-e') break
  assert.equal(callsOf(/q=page-/).length, asked + 1)
})

test('a client of a project sees and makes what is in it alone', async () => {
  const project = 'sdk'
  assert.equal((await service.api('PUT', `/api/projects/${project}`, {})).status, 201)
  const there = createClient({ url: service.url, key: apiKey, project })
  await there.jobs.create(jobNamed('of the project'))
  const names = []
  for await (const { name } of there.jobs.list()) names.push(name)
  assert.deepEqual(names, ['of the project'])
})

test('a log that breaks off is followed on behind the last event', async () => {
  const { job } = await chronos.jobs.create(jobNamed('followed'))
  const run = await chronos.jobs.run(job.id)
  assert.equal((await chronos.runs.wait(run.id)).state, 'succeeded')
  front.seen.length = 0
  front.faults.push({ fits: /logs/, does: 'cut' })
  const types = []
  for await (const event of chronos.runs.follow(run.id)) types.push(event.type)
  assert.deepEqual(types, ['log', 'end'])
  const asked = callsOf(/logs/).map(({ headers }) => headers['last-event-id'])
  assert.equal(asked.length, 2)
  assert.match(String(asked[1]), /^1\.\d+$/)
})

test('following ends when the caller has enough, and with an error if there is no such run', async () => {
  service.target.behave('/hangs', { does: 'hang' })
  const { job } = await chronos.jobs.create(jobNamed('hangs'))
  const { id } = await chronos.jobs.run(job.id)
  const wish = new AbortController()
  const waiting = chronos.runs.wait(id, { signal: wish.signal })
  wish.abort(new Error('enough'))
  await assert.rejects(waiting, /enough/)
  await chronos.runs.cancel(id)
  await assert.rejects(chronos.runs.wait('00000000-0000-4000-8000-000000000000'), { code: 'RUN_NOT_FOUND' })
})

test('a change is refused if the job has changed meanwhile, and a wrong field by its name', async () => {
  const { job } = await chronos.jobs.create(jobNamed('changed'))
  await chronos.jobs.change(job.id, { tags: ['a'] }, { ifVersion: job.version })
  const late = chronos.jobs.change(job.id, { tags: ['b'] }, { ifVersion: job.version })
  await assert.rejects(late, { code: 'VERSION_CONFLICT', status: 412 })
  await assert.rejects(chronos.jobs.change(job.id, { name: '' }), (error) => {
    assert.ok(error instanceof ChronosError)
    assert.deepEqual(
      error.errors.map(({ path }) => path),
      ['name'],
    )
    return error.requestId !== null
  })
  assert.match((await chronos.jobs.why(job.id)).join('\n'), /./)
})

test('a delivery is verified, and is what the document says; a forged, an old and a foreign one is not', async () => {
  const receiver = await startWebhookReceiver(secret)
  await chronos.channels.put('hook', { type: 'webhook', url: `${receiver.url}/hook`, secrets: [secret] })
  assert.deepEqual(await chronos.channels.test('hook'), { delivered: true })
  await receiver.close()
  const [got] = receiver.calls
  assert.ok(got)
  const { headers } = got
  const body = got.body.toString()
  const event = await verifyWebhook({ body, headers, secret: [newer, secret] })
  assert.deepEqual([event.type, event.data.job.name], ['test', 'channel hook'])
  assert.deepEqual(Compile(webhookEvent).Errors(event)[1], [])
  assert.deepEqual(
    Object.keys(event.data).toSorted(),
    Object.keys(webhookEvent.properties.data.properties).toSorted(),
  )

  const forged = { body: body.replace('channel hook', 'another'), headers, secret }
  await assert.rejects(verifyWebhook(forged), WebhookError)
  await assert.rejects(verifyWebhook({ body, headers, secret: newer }), WebhookError)
  await assert.rejects(verifyWebhook({ body, headers: {}, secret }), WebhookError)
  await assert.rejects(verifyWebhook({ body, headers, secret: 'whsec_?' }), WebhookError)
  const old = new Date(Date.now() - 400_000)
  const signed = {
    'webhook-id': 'a',
    'webhook-timestamp': String(Math.floor(old.getTime() / 1_000)),
    'webhook-signature': new Webhook(newer).sign('a', old, body),
  }
  await assert.rejects(verifyWebhook({ body, headers: signed, secret: newer }), /within 300 s/)
  const bytes = new TextEncoder().encode(body)
  const longer = { body: bytes, headers: new Headers(signed), secret: newer, toleranceS: 500 }
  assert.deepEqual(await verifyWebhook(longer), event)
})

const secret = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'
const newer = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
