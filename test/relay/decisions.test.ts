import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Arm,
  type ArmRequest,
  begun,
  isDue,
  provisioned,
  settled,
  usualRetryGapsMs as gapsMs,
} from '../../relay/core/index.ts'
import { readRetryAfterMs } from '../../relay/core/arm.ts'
import { createBudgets } from '../../relay/core/budget.ts'
import { newKey, published, rotated, signing } from '../../relay/core/keys.ts'

const hourMs = 3_600_000
const request = (fireAtMs: number, scheduleId = 'sch_1'): ArmRequest => ({
  agentId: 'a',
  jobId: 'j',
  scheduleId,
  fireAt: new Date(fireAtMs).toISOString(),
  fireAtMs,
  callbackUrl: 'https://app.example',
})
const armed = (fireAtMs = 1_000, scheduleId = 'sch_1') => provisioned(null, request(fireAtMs, scheduleId))
const refused = { status: 503, error: null, retryAfterMs: 0 }

function begin(arm: Arm, nowMs: number): Arm {
  const tried = begun(arm, nowMs, gapsMs)
  assert.ok(tried)
  return tried
}

test('the same instant again keeps the arm, with the retries that it owes', () => {
  const owed = { ...armed(), tries: 3, dueMs: 9_999 }
  const again = provisioned(owed, { ...request(1_000, 'sch_2'), fireAt: '1970-01-01T01:00:01+01:00' })
  assert.deepEqual(again, owed)
})

test('the same instant with another callback goes to that one', () => {
  const again = provisioned(armed(), { ...request(1_000, 'sch_2'), callbackUrl: 'https://new.example' })
  assert.equal(again.callbackUrl, 'https://new.example')
  assert.equal(again.scheduleId, 'sch_1')
})

test('another instant replaces the arm and what it owed', () => {
  const next = provisioned({ ...armed(), tries: 3, dueMs: 9_999 }, request(5_000, 'sch_2'))
  assert.deepEqual([next.scheduleId, next.tries, next.dueMs], ['sch_2', 0, 5_000])
})

test('a fire is tried for at least 48 hours, with gaps that grow, and a limited number of times', () => {
  let arm: Arm | null = armed(0)
  let nowMs = 0
  const triedAtMs: number[] = []
  while (arm !== null) {
    const tried = begin(arm, nowMs)
    triedAtMs.push(nowMs)
    const result = settled(tried, { tried, outcome: refused, nowMs, gapsMs })
    arm = result.arm
    if (arm) nowMs = arm.dueMs
    else assert.equal(result.verdict, 'given_up')
  }
  assert.equal(triedAtMs.length, 20)
  assert.ok(nowMs >= 48 * hourMs, `${nowMs / hourMs} h`)
  const gaps = triedAtMs.slice(1).map((atMs, index) => atMs - (triedAtMs[index] ?? 0))
  assert.deepEqual(
    gaps,
    gaps.toSorted((a, b) => a - b),
  )
})

test('a process that dies in every try uses up the tries all the same', () => {
  let arm: Arm | null = armed(0)
  let tries = 0
  for (; arm && tries < 100; tries += 1) arm = begun(arm, arm.dueMs, gapsMs)
  assert.equal(tries, 21)
})

test('an alarm that comes twice begins one try', () => {
  const tried = begin(armed(), 1_000)
  assert.equal(isDue(armed(), 1_000), true)
  assert.equal(isDue(tried, 1_000), false)
  assert.equal(isDue(tried, 3_000), true, 'after the first gap')
})

test('the outcome of a try does nothing to an arm that has taken its place', () => {
  const tried = begin(armed(), 1_000)
  const newer = armed(9_000, 'sch_2')
  const taken = { status: 202, error: null, retryAfterMs: 0 }
  assert.deepEqual(settled(newer, { tried, outcome: taken, nowMs: 1_100, gapsMs }), {
    verdict: 'stale',
    arm: newer,
  })
  assert.equal(settled(null, { tried, outcome: refused, nowMs: 1_100, gapsMs }).arm, null, 'cancelled')
})

test('a 2xx deletes the arm; a redirect, an error and silence do not', () => {
  const tried = begin(armed(), 1_000)
  const verdictOf = (status: number | null) =>
    settled(tried, { tried, outcome: { ...refused, status }, nowMs: 1_100, gapsMs }).verdict
  assert.deepEqual([200, 202, 204, 299].map(verdictOf), Array(4).fill('delivered'))
  assert.deepEqual([302, 400, 401, 404, 410, 429, 500, null].map(verdictOf), Array(8).fill('retry'))
})

test('a Retry-After lengthens a gap, up to the longest one', () => {
  const tried = begin(armed(), 1_000)
  const dueAfter = (retryAfterMs: number) =>
    settled(tried, { tried, outcome: { ...refused, retryAfterMs }, nowMs: 0, gapsMs }).arm?.dueMs
  assert.equal(dueAfter(1_000), 2_000, 'shorter than the gap')
  assert.equal(dueAfter(60_000), 60_000)
  assert.equal(dueAfter(1_000 * hourMs), 6 * hourMs)
})

test('a Retry-After is a number of seconds or a date', () => {
  assert.equal(readRetryAfterMs('120', 0), 120_000)
  assert.equal(readRetryAfterMs('Thu, 01 Jan 1970 00:01:00 GMT', 10_000), 50_000)
  for (const header of [null, '', 'soon', '-5', 'Thu, 01 Jan 1970 00:00:00 GMT'])
    assert.equal(readRetryAfterMs(header, 10_000), 0, String(header))
})

test('an agent may make so many calls at once, and then so many a minute', () => {
  const budgets = createBudgets()
  const take = (nowMs: number) => budgets.take('a', 60, nowMs)
  for (let index = 0; index < 60; index += 1) assert.equal(take(0), 0)
  assert.equal(take(0), 1, 'seconds to wait')
  assert.equal(take(999), 1)
  assert.equal(take(1_000), 0)
  assert.equal(budgets.take('b', 60, 0), 0, 'another agent')
})

test('a rotated key is published five minutes before it signs, and the old one until its last token has ended', async () => {
  const [first, second] = [await newKey(), await newKey()]
  const keys = rotated(rotated([], first, { nowMs: 0, isCompromised: false }), second, {
    nowMs: 0,
    isCompromised: false,
  })
  const at = (nowMs: number) => ({
    signs: signing(keys, nowMs)?.kid,
    published: published(keys, nowMs).map(({ kid }) => kid),
  })
  assert.deepEqual(at(0), { signs: first.kid, published: [first.kid, second.kid] })
  assert.deepEqual(at(299_999), { signs: first.kid, published: [first.kid, second.kid] })
  assert.deepEqual(at(300_000), { signs: second.kid, published: [first.kid, second.kid] })
  // 60 s of a token, 30 s of leeway
  assert.deepEqual(at(395_000).published, [first.kid, second.kid])
  assert.deepEqual(at(500_000).published, [second.kid])
})

test('a compromised key goes at once', async () => {
  const [first, second] = [await newKey(), await newKey()]
  const before = rotated([], first, { nowMs: 0, isCompromised: false })
  const keys = rotated(before, second, { nowMs: 1, isCompromised: true })
  assert.deepEqual(
    published(keys, 1).map(({ kid }) => kid),
    [second.kid],
  )
  assert.equal(signing(keys, 1)?.kid, second.kid)
})
