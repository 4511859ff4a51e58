import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { createOutbound } from '../../src/outbound/index.ts'
import { OutboundRefusal } from '../../src/outbound/index.ts'
import { codeOf } from './setup.ts'

/** A way out whose names and connections do as they are told, with a clock that is set. */
function world() {
  const state = {
    nowMs: 0,
    nameCode: null as string | null,
    dialCode: null as string | null,
    lookups: 0,
    dials: 0,
  }
  const waiting: Socket[] = []
  const outbound = createOutbound({
    ...{ allow: ['127.0.0.0/8'], own: [], now: () => state.nowMs },
    async lookup(name) {
      state.lookups += 1
      if (state.nameCode) throw Object.assign(new Error(name), { code: state.nameCode })
      return ['93.184.215.14']
    },
    dial() {
      state.dials += 1
      const socket = new Socket()
      if (state.dialCode) return socket.destroy(Object.assign(new Error('test'), { code: state.dialCode }))
      waiting.push(socket)
      return socket
    },
  })
  const tryIt = (host = 'a.example', port = 80, signal?: AbortSignal) =>
    outbound.connect({ host, port, ...(signal && { signal }) }).then(() => 'connected', codeOf)
  const refusalOf = async (host: string, port = 80) => {
    const error: unknown = await outbound.connect({ host, port }).catch((thrown: unknown) => thrown)
    assert.ok(error instanceof OutboundRefusal)
    return error
  }
  return { state, tryIt, refusalOf, waiting }
}

for (const nameCode of ['ENOTFOUND', 'EAI_AGAIN']) {
  test(`a name that failed with ${nameCode} is refused for some seconds, and then looked up once`, async () => {
    const { state, tryIt, refusalOf } = world()
    state.nameCode = nameCode
    assert.equal(await tryIt(), nameCode)
    assert.equal(await tryIt(), 'TARGET_PAUSED')
    assert.equal(await tryIt('a.example', 443), 'TARGET_PAUSED')
    assert.equal(state.lookups, 1)
    assert.equal(await tryIt('b.example'), nameCode)
    const refusal = await refusalOf('a.example')
    assert.match(
      refusal.message,
      new RegExp(`a\\.example was not looked up: .* \\(${nameCode}\\); .* at 20..-`),
    )
    assert.equal(refusal.retryAfterMs, 5_000)
    state.nowMs = 4_999
    assert.equal(await tryIt(), 'TARGET_PAUSED')
    state.nowMs = 5_000
    assert.equal(await tryIt(), nameCode)
    // a longer pause
    state.nowMs = 14_000
    assert.equal(await tryIt(), 'TARGET_PAUSED')
    state.nowMs = 15_000
    state.nameCode = null
    state.dialCode = 'ECONNREFUSED'
    assert.equal(await tryIt(), 'ECONNREFUSED')
    assert.equal(await tryIt(), 'ECONNREFUSED')
  })
}

test('after five connections in a row that failed a place is refused, and no other one', async () => {
  const { state, tryIt, refusalOf } = world()
  state.dialCode = 'ECONNREFUSED'
  for (let n = 0; n < 5; n++) assert.equal(await tryIt(), 'ECONNREFUSED')
  assert.equal(await tryIt(), 'TARGET_PAUSED')
  assert.equal(state.dials, 5)
  assert.match((await refusalOf('a.example')).message, /no connection to a\.example:80 was tried/)
  assert.equal(await tryIt('a.example', 81), 'ECONNREFUSED')
  assert.equal(await tryIt('b.example'), 'ECONNREFUSED')
})

test('pauses grow to a minute, and the first connection ends them', async () => {
  const { state, tryIt, refusalOf, waiting } = world()
  state.dialCode = 'ETIMEDOUT'
  for (let n = 0; n < 5; n++) await tryIt()
  for (const pauseMs of [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]) {
    assert.equal((await refusalOf('a.example')).retryAfterMs, pauseMs)
    state.nowMs += pauseMs
    assert.equal(await tryIt(), 'ETIMEDOUT')
  }
  state.nowMs += 60_000
  state.dialCode = null
  const probe = tryIt()
  // one probe at a time
  assert.equal(await tryIt(), 'TARGET_PAUSED')
  assert.equal(waiting.length, 1)
  waiting[0]?.destroy(Object.assign(new Error('test'), { code: 'ECONNRESET' }))
  assert.equal(await probe, 'ECONNRESET')
  assert.equal(await tryIt(), 'TARGET_PAUSED')
})

test('a probe that the caller gives up lets the next one through, and counts for nothing', async () => {
  const { state, tryIt } = world()
  state.dialCode = 'ECONNREFUSED'
  for (let n = 0; n < 5; n++) await tryIt()
  state.nowMs = 5_000
  state.dialCode = null
  const stop = new AbortController()
  const probe = tryIt('a.example', 80, stop.signal)
  stop.abort(Object.assign(new Error('cancelled'), { code: 'CANCELLED' }))
  assert.equal(await probe, 'CANCELLED')
  state.dialCode = 'ECONNREFUSED'
  assert.equal(await tryIt(), 'ECONNREFUSED')
})

test('what the guard refuses is refused as before, however often', async () => {
  const { tryIt } = world()
  for (let n = 0; n < 10; n++) assert.equal(await tryIt('10.0.0.1'), 'TARGET_FORBIDDEN')
})
