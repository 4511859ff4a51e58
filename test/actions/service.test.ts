import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Json, type Service, startService } from '../support/service.ts'
import { keyOf } from '../support/key.ts'

let service: Service
before(async () => {
  service = await startService({ env: { ENCRYPTION_KEY: keyOf(7).toString('base64') } })
})
after(() => service.close())

/** The run, once it is in this state. */
async function runIn(state: string, job: Json, input: unknown = null): Promise<Json> {
  const { status, body } = await service.api('POST', `/api/jobs/${job.id}/run`, { input })
  assert.equal(status, 202, JSON.stringify(body))
  for (;;) {
    const { run } = (await service.api('GET', `/api/runs/${body.run.id}`)).body
    if (run.state === state) return run
    assert.ok(['claimed', 'running'].includes(run.state), JSON.stringify(run))
    await sleep(10)
  }
}

test('a job is called with its secret and its input, and its run does not show the secret', async () => {
  const { target } = service
  const made = await service.api('PUT', '/api/secrets/TOKEN', { value: 'very-secret-value' })
  assert.equal(made.status, 201)
  target.behave('/echo', { does: 'echo' })
  const job = await service.makeJob({
    action: {
      type: 'http',
      url: `${target.url}/echo?who={{input.who}}`,
      headers: { 'x-token': '{{secrets.TOKEN}}' },
      when: { type: 'http', url: `${target.url}/gate` },
    },
  })
  const run = await runIn('succeeded', job, { who: 'a b' })
  const call = target.calls.find(({ path }) => path === '/echo?who=a%20b')
  assert.equal(call?.headers['x-token'], 'very-secret-value')
  assert.match(run.output, /"x-token":"\[REDACTED\]"/)
  assert.equal(run.skipped_reason, null)
})

test('a run whose gate finds nothing to do has succeeded, and says why', async () => {
  const { target } = service
  target.behave('/nothing', { does: 'status', body: '{"proceed":false,"reason":"no new mail"}' })
  const when = { type: 'http', url: `${target.url}/nothing` }
  const job = await service.makeJob({ action: { type: 'http', url: `${target.url}/costly`, when } })
  const run = await runIn('succeeded', job)
  assert.equal(run.skipped_reason, 'no new mail')
  assert.equal(run.output, null)
  assert.equal(
    target.calls.some(({ path }) => path === '/costly'),
    false,
  )
})

test('a run whose target reports later waits until the deadline that it has', async () => {
  const { target } = service
  target.behave('/later', { does: 'status', value: 202 })
  const action = { type: 'http', url: `${target.url}/later`, callback: { deadline_ms: 60_000 } }
  const run = await runIn('waiting', await service.makeJob({ action }))
  assert.ok(Date.parse(run.callback_until) > Date.now() + 30_000, run.callback_until)
  const call = target.calls.find(({ path }) => path === '/later')
  assert.match(call?.headers['x-chronos-callback'] ?? '', new RegExp(`^${service.url}/api/callbacks/.{40}`))
})
