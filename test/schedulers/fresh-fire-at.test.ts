import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { freshFireAt } from '../../src/arming/fire-at.ts'
import { at } from '../store/setup.ts'

const limits = { horizonMs: 7 * 86_400_000, leadMs: 0 }

type Wish = { recentArms?: Date[]; armedAt?: Date; horizonMs?: number; leadMs?: number }

function fresh(wakeAt: Date | null, { recentArms = [], armedAt, ...change }: Wish = {}) {
  const now = at('08:00:00')
  const armed = armedAt ? { at: armedAt, scheduleId: null } : null
  return freshFireAt({ wakeAt, recentArms, armed, now }, { ...limits, ...change })
    .toISOString()
    .slice(0, 19)
}

test('NAS is asked for the wake time itself', () => {
  assert.equal(fresh(at('09:00:00')), '2026-06-18T09:00:00')
})

test('a wake time beyond the horizon is armed at the horizon', () => {
  assert.equal(fresh(at('09:00:00'), { horizonMs: 600_000 }), '2026-06-18T08:10:00')
})

test('a wake time that has passed is armed for now, or so much later as NAS asks for', () => {
  assert.equal(fresh(at('07:00:00')), '2026-06-18T08:00:00')
  assert.equal(fresh(at('07:00:00'), { leadMs: 2_000 }), '2026-06-18T08:00:02')
})

test('an instant that was used before is moved to a second earlier, so that an old acknowledgement cannot cancel the new arm', () => {
  assert.equal(fresh(at('09:00:00'), { recentArms: [at('09:00:00')] }), '2026-06-18T08:59:59')
  assert.equal(fresh(at('09:00:00'), { recentArms: [at('09:00:00'), at('08:59:59')] }), '2026-06-18T08:59:58')
})

test('once it is due there is no room before it, so it is moved to later', () => {
  const recentArms = [at('08:00:00'), at('08:00:01')]
  assert.equal(fresh(at('08:00:00'), { recentArms }), '2026-06-18T08:00:02')
})

test('an instant counts as used to the second: NAS may cut what is finer', () => {
  assert.equal(fresh(at('09:00:00.250'), { recentArms: [at('09:00:00.900')] }), '2026-06-18T08:59:59')
})

test('the arm that was confirmed last counts as used, however many others were tried after it', () => {
  assert.equal(fresh(at('08:00:00'), { armedAt: at('08:00:00.700') }), '2026-06-18T08:00:01')
})

test('never too late and never the same: the new instant is fresh, not past the wake time where there is room, not beyond the horizon', () => {
  const offsetMs = fc.integer({ min: -20_000, max: 60_000 })
  fc.assert(
    fc.property(
      offsetMs,
      fc.array(offsetMs, { maxLength: 6 }),
      fc.integer({ min: 10_000, max: 50_000 }),
      (wakeMs, used, horizonMs) => {
        const now = at('08:00:00.123')
        const later = (ms: number) => new Date(now.getTime() + ms)
        const second = (instant: Date) => Math.floor(instant.getTime() / 1000)
        const fireAt = freshFireAt(
          { wakeAt: later(wakeMs), recentArms: used.map(later), armed: null, now },
          { horizonMs, leadMs: 0 },
        )
        assert.ok(!used.map(later).map(second).includes(second(fireAt)), 'fresh')
        assert.ok(fireAt >= now, 'not in the past')
        // at most six seconds are used, so with seven ahead of it there is room before the wake time
        const wantedMs = Math.min(wakeMs, horizonMs)
        if (wantedMs > 7_000) assert.ok(fireAt <= later(wantedMs), 'not too late')
      },
    ),
  )
})
