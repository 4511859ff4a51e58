import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { type Ping, type Receiver, startHealthcheckReceiver } from '../../dev/receivers/index.ts'
import type { Target } from '../../src/delivery/senders/index.ts'
import { failureOf, messageOf, runId, send } from './setup.ts'

const check = '073305d2-3582-4dd6-b6a3-425e88583ca2'

let receiver: Receiver<Ping>
before(async () => {
  receiver = await startHealthcheckReceiver()
})
after(() => receiver.close())
beforeEach(() => {
  receiver.got.splice(0)
  receiver.behave(null)
})

const target = (more: object = {}): Target => ({
  type: 'healthcheck',
  url: `${receiver.url}/ping/${check}`,
  ...more,
})
const events = ['start', 'success', 'recovery', 'failure', 'test'] as const

test('Healthchecks hears of start, success and failure, with the run they belong to', async () => {
  for (const event of events) {
    const message = event === 'failure' ? failureOf() : messageOf({ event })
    assert.deepEqual(await send(target(), message), { state: 'delivered' })
  }
  assert.deepEqual(
    receiver.got.map(({ signal, run, isTaken }) => ({ signal, run, isTaken })),
    ['start', 'success', 'success', 'fail', 'log'].map((signal) => ({ signal, run: runId, isTaken: true })),
  )
})

test('a ping carries the last 10 kB of the output, from a whole character on', async () => {
  await send(target(), messageOf({ output: `first${'\u00e9'.repeat(8_000)}last` }))
  await send(target(), failureOf({ output: 'half of it' }))
  const [body = '', failed = ''] = receiver.got.map((ping) => ping.body)
  assert.ok(Buffer.byteLength(body) <= 10_000 && Buffer.byteLength(body) > 9_990)
  assert.match(body, /^\u00e9+last$/)
  assert.match(failed, /^half of it\n\nHTTP_STATUS: /)
})

test('a URL with a slash at its end or a query of its own is pinged all the same', async () => {
  await send(target({ url: `${receiver.url}/ping/${check}/?create=1` }), messageOf({ event: 'start' }))
  assert.deepEqual([receiver.got[0]?.signal, receiver.got[0]?.isTaken], ['start', true])
  assert.equal(receiver.calls.at(-1)?.url.searchParams.get('create'), '1')
})

test('Cronitor hears of run, complete and fail, with the run as its series', async () => {
  const cronitor = target({ url: `${receiver.url}/p/key/nightly`, style: 'cronitor' })
  for (const event of events) await send(cronitor, event === 'failure' ? failureOf() : messageOf({ event }))
  assert.deepEqual(
    receiver.got.map(({ signal, run }) => [signal, run]),
    ['run', 'complete', 'complete', 'fail', 'none'].map((signal) => [signal, runId]),
  )
  assert.match(receiver.got[3]?.body ?? '', /^HTTP_STATUS: /)
  assert.equal(receiver.calls.at(-1)?.url.searchParams.get('metric'), 'duration:1.3')
})

test('a check that is not known fails, one that is out of order is tried again', async () => {
  const unknown = await send(target({ url: `${receiver.url}/ping/nobody` }))
  receiver.behave({ does: 'answer', status: 503 })
  const down = await send(target())
  assert.deepEqual([unknown.state, down.state], ['failed', 'retry'])
})
