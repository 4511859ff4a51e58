import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  countSlots,
  latestSlot,
  nextSlot,
  nextWithTransitions,
  type Rule,
  slotsIn,
  typicalPeriodMs,
} from '../../src/schedule/index.ts'
import { parseSchedule } from '../../src/schedule/parse.ts'
import { stretchAt } from '../../src/schedule/zone.ts'
import { countRounds } from '../support/rounds.ts'
import { assertTook } from '../support/limits.ts'

const now = new Date('2026-01-01T00:00:00Z')
const at = (text: string) => new Date(text)

function rule(text: string, zone = 'UTC', anchor = now): Rule {
  return { schedule: parseSchedule(text, { now, zone }), zone, anchor }
}

function slots(text: string, zone: string, window: [after: string, until: string]): string[] {
  const span = { after: at(window[0]), until: at(window[1]) }
  const inSpan = Array.from(slotsIn(rule(text, zone), span), (slot) => slot.toISOString().replace('.000', ''))
  assert.equal(countSlots(rule(text, zone), span), inSpan.length)
  return inSpan
}

suite('intervals', () => {
  const lattice = rule('90s', 'UTC', at('2026-01-01T00:00:10.250Z'))

  test('slots lie on start + n × period, from n = 1 on', () => {
    assert.deepEqual(nextSlot(lattice, at('2020-01-01T00:00:00Z')), at('2026-01-01T00:01:40.250Z'))
    assert.deepEqual(nextSlot(lattice, at('2026-01-01T00:01:40.249Z')), at('2026-01-01T00:01:40.250Z'))
    assert.deepEqual(nextSlot(lattice, at('2026-01-01T00:01:40.250Z')), at('2026-01-01T00:03:10.250Z'))
  })

  test('the latest and the number agree with a walk', () => {
    const span = { after: at('2026-01-01T00:01:40.250Z'), until: at('2026-01-01T00:10:00Z') }
    const walked = [...slotsIn(lattice, span)]
    assert.equal(walked.length, 5)
    assert.equal(countSlots(lattice, span), 5)
    assert.deepEqual(latestSlot(lattice, span), walked.at(-1))
    const before = { after: at('2020-01-01T00:00:00Z'), until: at('2026-01-01T00:01:40Z') }
    assert.equal(countSlots(lattice, before), 0)
    assert.equal(latestSlot(lattice, before), null)
  })
})

suite('one-shots', () => {
  const once = rule('2026-05-01T09:00:00Z')
  const instant = at('2026-05-01T09:00:00Z')

  test('there is one slot, strictly after and up to the end', () => {
    const justBefore = at('2026-05-01T08:59:59.999Z')
    assert.deepEqual(nextSlot(once, justBefore), instant)
    assert.equal(nextSlot(once, instant), null)
    assert.deepEqual([...slotsIn(once, { after: justBefore, until: instant })], [instant])
    assert.deepEqual(latestSlot(once, { after: justBefore, until: instant }), instant)
    assert.equal(latestSlot(once, { after: instant, until: at('2027-01-01T00:00:00Z') }), null)
    assert.equal(latestSlot(once, { after: at('2026-01-01T00:00:00Z'), until: justBefore }), null)
    assert.equal(countSlots(once, { after: justBefore, until: instant }), 1)
    assert.equal(countSlots(once, { after: instant, until: at('2027-01-01T00:00:00Z') }), 0)
  })

  test('there is no period', () => {
    assert.equal(typicalPeriodMs(once, now), null)
  })
})

suite('cron', () => {
  test('six fields have the seconds first', () => {
    assert.deepEqual(slots('*/30 59 8 * * *', 'UTC', ['2026-06-18T00:00:00Z', '2026-06-18T09:00:00Z']), [
      '2026-06-18T08:59:00Z',
      '2026-06-18T08:59:30Z',
    ])
  })

  test('a slot is strictly after, to the millisecond', () => {
    const nine = rule('0 9 * * *')
    assert.deepEqual(nextSlot(nine, at('2026-06-18T08:59:59.999Z')), at('2026-06-18T09:00:00Z'))
    assert.deepEqual(nextSlot(nine, at('2026-06-18T09:00:00.000Z')), at('2026-06-19T09:00:00Z'))
    assert.deepEqual(nextSlot(nine, at('2026-06-18T09:00:00.001Z')), at('2026-06-19T09:00:00Z'))
    const upTo = (until: string) => latestSlot(nine, { after: at('2026-06-17T10:00:00Z'), until: at(until) })
    assert.equal(upTo('2026-06-18T08:59:59.999Z'), null)
    assert.deepEqual(upTo('2026-06-18T09:00:00Z'), at('2026-06-18T09:00:00Z'))
  })

  test('with both day fields restricted, either one matches', () => {
    const window: [string, string] = ['2026-06-01T00:00:00Z', '2026-06-15T00:00:00Z']
    assert.deepEqual(slots('0 0 13 * FRI', 'UTC', window), [
      '2026-06-05T00:00:00Z',
      '2026-06-12T00:00:00Z',
      '2026-06-13T00:00:00Z',
    ])
  })

  test('0 and 7 are both Sunday', () => {
    const window: [string, string] = ['2026-06-01T00:00:00Z', '2026-07-01T00:00:00Z']
    assert.deepEqual(slots('0 9 * * 7', 'UTC', window), slots('0 9 * * 0', 'UTC', window))
    assert.deepEqual(slots('0 9 * * FRI-SUN', 'UTC', window), slots('0 9 * * 5,6,0', 'UTC', window))
  })

  test('L is the last day of each month, leap years too', () => {
    assert.deepEqual(slots('0 0 L 1-4 *', 'UTC', ['2028-01-01T00:00:00Z', '2028-12-31T00:00:00Z']), [
      '2028-01-31T00:00:00Z',
      '2028-02-29T00:00:00Z',
      '2028-03-31T00:00:00Z',
      '2028-04-30T00:00:00Z',
    ])
  })

  test('a century that is no leap year ends its February on the 28th', () => {
    assert.deepEqual(nextSlot(rule('0 0 L 2 *'), at('2100-01-01T00:00:00Z')), at('2100-02-28T00:00:00Z'))
  })

  test('29 February is found over the eight years around 2100', () => {
    const leapDay = rule('0 0 29 2 *', 'America/New_York')
    assert.deepEqual(nextSlot(leapDay, at('2096-03-01T00:00:00Z')), at('2104-02-29T05:00:00Z'))
    const span = { after: at('2096-03-01T00:00:00Z'), until: at('2104-02-29T04:59:59Z') }
    assert.equal(latestSlot(leapDay, span), null)
    assert.equal(countSlots(leapDay, span), 0)
  })

  test('the period is the gap between the next two slots', () => {
    assert.equal(typicalPeriodMs(rule('*/5 * * * *'), now), 300_000)
    assert.equal(typicalPeriodMs(rule('0 9 * * 1-5'), at('2026-06-19T00:00:00Z')), 3 * 86_400_000)
    assert.equal(typicalPeriodMs(rule('90s'), now), 90_000)
  })
})

suite('clock changes', () => {
  const gap: [string, string] = ['2026-03-29T00:00:00Z', '2026-03-29T03:00:00Z']
  const repeat: [string, string] = ['2026-10-24T23:00:00Z', '2026-10-25T02:00:00Z']

  test('a skipped time is due at the first instant after the gap', () => {
    assert.deepEqual(slots('30 2 * * *', 'Europe/Berlin', gap), ['2026-03-29T01:00:00Z'])
    assert.deepEqual(
      latestSlot(rule('30 2 * * *', 'Europe/Berlin'), { after: at(gap[0]), until: at(gap[1]) }),
      at('2026-03-29T01:00:00Z'),
    )
  })

  test('several skipped times, or one that meets a slot of its own, are one slot', () => {
    assert.deepEqual(slots('0,20,40 2 * * *', 'Europe/Berlin', gap), ['2026-03-29T01:00:00Z'])
    assert.deepEqual(slots('0 2,3 * * *', 'Europe/Berlin', gap), ['2026-03-29T01:00:00Z'])
    assert.deepEqual(slots('*/10 30 2 * * *', 'Europe/Berlin', gap), ['2026-03-29T01:00:00Z'])
  })

  test('a repeated time is due once, at its first passing', () => {
    assert.deepEqual(slots('30 2 * * *', 'Europe/Berlin', repeat), ['2026-10-25T00:30:00Z'])
    assert.deepEqual(
      slots('15,45 2-3 * * *', 'Europe/Berlin', ['2026-10-24T22:00:00Z', '2026-10-25T03:00:00Z']),
      ['2026-10-25T00:15:00Z', '2026-10-25T00:45:00Z', '2026-10-25T02:15:00Z', '2026-10-25T02:45:00Z'],
    )
  })

  test('the second passing is no slot to look back on', () => {
    const span = { after: at('2026-10-25T00:45:00Z'), until: at('2026-10-25T01:45:00Z') }
    assert.equal(latestSlot(rule('30 2 * * *', 'Europe/Berlin'), span), null)
    assert.equal(
      nextSlot(rule('30 2 * * *', 'Europe/Berlin'), span.after)?.toISOString(),
      '2026-10-26T01:30:00.000Z',
    )
  })

  test('a wildcard hour or minute runs straight through', () => {
    assert.deepEqual(slots('30 * * * *', 'Europe/Berlin', gap), [
      '2026-03-29T00:30:00Z',
      '2026-03-29T01:30:00Z',
      '2026-03-29T02:30:00Z',
    ])
    assert.deepEqual(slots('30 * * * *', 'Europe/Berlin', repeat), [
      '2026-10-24T23:30:00Z',
      '2026-10-25T00:30:00Z',
      '2026-10-25T01:30:00Z',
    ])
    assert.equal(slots('*/20 2 * * *', 'Europe/Berlin', repeat).length, 6)
    assert.deepEqual(slots('*/20 2 * * *', 'Europe/Berlin', gap), [])
    assert.deepEqual(slots('5,*/20 2 * * *', 'Europe/Berlin', gap), [])
    // A list, a range or a step without a `*` is no wildcard.
    assert.equal(slots('0-59/20 2 * * *', 'Europe/Berlin', repeat).length, 3)
  })

  test('shifts of half an hour and of a whole day are changes like any other', () => {
    assert.deepEqual(
      slots('15 2 * * *', 'Australia/Lord_Howe', ['2026-10-03T00:00:00Z', '2026-10-04T00:00:00Z']),
      ['2026-10-03T15:30:00Z'],
    )
    // Samoa had no 30 December 2011.
    assert.deepEqual(slots('0 12 * * *', 'Pacific/Apia', ['2011-12-29T23:00:00Z', '2011-12-31T00:00:00Z']), [
      '2011-12-30T10:00:00Z',
      '2011-12-30T22:00:00Z',
    ])
  })

  test('a gap at midnight moves the day’s first slot to its first instant', () => {
    assert.deepEqual(slots('0 0 * * *', 'Africa/Cairo', ['2026-04-23T12:00:00Z', '2026-04-24T12:00:00Z']), [
      '2026-04-23T22:00:00Z',
    ])
  })

  test('no zone changes its clock twice within two days, which the search for repeats relies on', () => {
    for (const zone of Intl.supportedValuesOf('timeZone')) {
      let stretch = stretchAt(zone, Date.parse('1970-01-02T00:00:00Z'))
      while (stretch.until < Date.parse('2040-01-01T00:00:00Z')) {
        assert.ok(stretch.until - stretch.from > 2 * 86_400_000, `${zone} ${stretch.until}`)
        stretch = stretchAt(zone, stretch.until)
      }
    }
  })
})

suite('what is upcoming', () => {
  test('local times have the offset of the zone, and its change is marked where it falls', async () => {
    const upcoming = await nextWithTransitions(rule('30 2 * * *', 'Europe/Berlin'), {
      after: at('2026-03-27T12:00:00Z'),
      count: 3,
    })
    assert.deepEqual(upcoming, [
      { at: at('2026-03-28T01:30:00Z'), local: '2026-03-28T02:30:00+01:00' },
      {
        at: at('2026-03-29T01:00:00Z'),
        local: '2026-03-29T03:00:00+02:00',
        offset_change: { at: at('2026-03-29T01:00:00Z'), from: '+01:00', to: '+02:00' },
      },
      { at: at('2026-03-30T00:30:00Z'), local: '2026-03-30T02:30:00+02:00' },
    ])
  })

  test('there are fewer where the schedule ends', async () => {
    const upcoming = await nextWithTransitions(rule('2026-05-01T09:00:00Z'), { after: now, count: 5 })
    assert.deepEqual(upcoming, [{ at: at('2026-05-01T09:00:00Z'), local: '2026-05-01T09:00:00+00:00' }])
  })
})

suite('cost', () => {
  test('the event loop goes round while many slots are counted, however far they reach', async () => {
    const leapDay = rule('0 0 29 2 *', 'America/New_York')
    const rounds = countRounds()
    const upcoming = await nextWithTransitions(leapDay, { after: now, count: 640 })
    rounds.stop()
    assert.equal(upcoming.length, 640)
    assert.ok(rounds.count() >= 20, `${rounds.count()} rounds`)
  })

  const yearBehind = { after: at('2025-11-22T00:00:00Z'), until: at('2026-11-22T00:00:00Z') }
  const everyMinute = rule('* * * * *', 'America/Toronto')

  /** The best of several, so that a busy machine does not fail the test. */
  function fastestMs(call: () => unknown): number {
    const times = Array.from({ length: 7 }, () => {
      const startedAt = performance.now()
      call()
      return performance.now() - startedAt
    })
    return Math.min(...times)
  }

  test('a minute schedule a year behind advances in one step', () => {
    assert.deepEqual(latestSlot(everyMinute, yearBehind), yearBehind.until)
    assertTook(
      fastestMs(() => latestSlot(everyMinute, yearBehind)),
      5,
    )
  })

  test('the slots of a year are counted, not walked', () => {
    assert.equal(countSlots(everyMinute, yearBehind), 365 * 24 * 60)
    assert.equal(countSlots(rule('* * * * * *'), yearBehind), 365 * 24 * 3600)
    assertTook(
      fastestMs(() => countSlots(everyMinute, yearBehind)),
      50,
    )
  })
})
