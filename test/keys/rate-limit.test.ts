import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FastifyRequest } from 'fastify'
import { addressOf } from '../../routes/address.ts'
import { createRateLimit } from '../../src/access/rate-limit.ts'

function setup(options: { perMinute: number; maxCallers?: number }) {
  let now = 1_000_000
  const limit = createRateLimit({ ...options, now: () => now })
  return {
    limit,
    after: (ms: number) => void (now += ms),
    isIn: (caller: string) => limit.take(caller).retryAfterS === null,
  }
}

test('a minute’s calls are let in at once, then one for each step', () => {
  const { isIn, after } = setup({ perMinute: 6 })
  assert.deepEqual(
    Array.from({ length: 7 }, () => isIn('a')),
    [true, true, true, true, true, true, false],
  )
  after(9_999)
  assert.equal(isIn('a'), false)
  after(1)
  assert.deepEqual([isIn('a'), isIn('a')], [true, false])
  after(3_600_000)
  assert.equal(Array.from({ length: 20 }, () => isIn('a')).filter(Boolean).length, 6)
})

test('what is left, when all of it is there again and when to come again are said in whole seconds', () => {
  const { limit, after } = setup({ perMinute: 2 })
  assert.deepEqual(limit.take('a'), { limit: 2, remaining: 1, resetS: 30, retryAfterS: null })
  limit.take('a')
  after(500)
  assert.deepEqual(limit.take('a'), { limit: 2, remaining: 0, resetS: 60, retryAfterS: 30 })
  after(29_500)
  assert.equal(limit.take('a').retryAfterS, null)
})

test('looking takes nothing, and callers do not share', () => {
  const { limit, isIn } = setup({ perMinute: 1 })
  for (let n = 0; n < 5; n++) assert.equal(limit.look('a').retryAfterS, null)
  assert.deepEqual([isIn('a'), isIn('a'), isIn('b')], [true, false, true])
  assert.equal(limit.look('a').retryAfterS, 60)
})

test('of more callers than are remembered, the one seen longest ago begins anew', () => {
  const { isIn } = setup({ perMinute: 1, maxCallers: 2 })
  for (const caller of ['a', 'b']) assert.equal(isIn(caller), true)
  assert.equal(isIn('a'), false)
  assert.equal(isIn('c'), true)
  assert.deepEqual([isIn('a'), isIn('b')], [false, true])
})

function address(ip: string, headers: Record<string, string> = {}, isOnFly = false) {
  return addressOf({ ip, headers } as unknown as FastifyRequest, { isOnFly })
}

test('an IPv6 caller is its /64, however it is written, and a mapped IPv4 address is IPv4', () => {
  assert.equal(address('2001:db8:0:1:aaaa::1'), '2001:db8:0:1')
  assert.equal(address('2001:DB8:0:1::7'), '2001:db8:0:1')
  assert.equal(address('2001:0db8:0000:0001:0:0:0:9'), '2001:db8:0:1')
  assert.equal(address('2001:db8::7'), '2001:db8:0:0')
  assert.equal(address('::1'), '0:0:0:0')
  assert.equal(address('::ffff:10.0.0.7'), '10.0.0.7')
  assert.equal(address('10.0.0.7'), '10.0.0.7')
})

test('a client that has cut the connection has no address, and one limit with all of these', () => {
  assert.equal(address(undefined as unknown as string), 'gone')
})

test('Fly-Client-IP is believed on Fly and nowhere else; no other header is', () => {
  const headers = { 'fly-client-ip': '198.51.100.7', 'x-forwarded-for': '198.51.100.8' }
  assert.equal(address('10.0.0.7', headers), '10.0.0.7')
  assert.equal(address('10.0.0.7', headers, true), '198.51.100.7')
  assert.equal(address('10.0.0.7', { 'x-forwarded-for': '198.51.100.8' }, true), '10.0.0.7')
  assert.equal(address('10.0.0.7', { 'fly-client-ip': 'x'.repeat(46) }, true), '10.0.0.7')
})
