import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createRequire } from 'node:module'
import fc from 'fast-check'
import { countSlots, latestSlot, nextSlot, type Rule, slotsIn } from '../../src/schedule/index.ts'
import { parseSchedule } from '../../src/schedule/parse.ts'
import { assertTook } from '../support/limits.ts'
import { type Expression, expressions } from './expressions.ts'
import { walkMinutes } from './walker.ts'

// its ES module is not one that Node reads
const rrule = createRequire(import.meta.url)('rrule') as typeof import('rrule')

const seed = 20_261_128
const dayMs = 86_400_000
const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'America/Havana',
  'Asia/Kolkata',
]

function ruleOf(text: string, zone = 'UTC', now = new Date('2026-11-27T09:00:00Z')): Rule {
  return { schedule: parseSchedule(text, { now, zone }), zone, anchor: now }
}

function firstSlots(rule: Rule, after: Date, count: number): string[] {
  const slots: string[] = []
  for (let slot = nextSlot(rule, after); slot && slots.length < count; slot = nextSlot(rule, slot))
    slots.push(slot.toISOString())
  return slots
}

/** All ways to count agree. */
function assertCounted(rule: Rule, after: Date, until: Date, what: string): string[] {
  const slots = [...slotsIn(rule, { after, until })]
  assert.equal(countSlots(rule, { after, until }), slots.length, `count of ${what}`)
  assert.deepEqual(latestSlot(rule, { after, until }), slots.at(-1) ?? null, `latest of ${what}`)
  return slots.map((slot) => slot.toISOString())
}

const numbers = (least: number, most: number) =>
  fc
    .uniqueArray(fc.integer({ min: least, max: most }), { minLength: 1, maxLength: 3 })
    // rrule takes them in the order in which they stand
    .map((some) => some.toSorted((a, b) => a - b))
const weekdays = fc.uniqueArray(fc.constantFrom('MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'), {
  minLength: 1,
  maxLength: 3,
})
const places = fc.uniqueArray(fc.constantFrom('1MO', '2TU', '3WE', '4TH', '-1FR', '-1SU', '5SA'), {
  minLength: 1,
  maxLength: 2,
})
const maybe = <T>(name: string, values: fc.Arbitrary<T[]>) =>
  fc.option(values, { nil: null }).map((some) => (some ? [`${name}=${some.join(',')}`] : []))

const recurrences = fc
  .oneof(
    fc.record({
      freq: fc.constant('DAILY'),
      by: fc.tuple(maybe('BYMONTH', numbers(1, 12)), maybe('BYDAY', weekdays)),
      step: fc.constant(1),
    }),
    fc.record({
      freq: fc.constant('DAILY'),
      by: fc.constant([[], []]),
      step: fc.integer({ min: 2, max: 40 }),
    }),
    fc.record({
      freq: fc.constant('WEEKLY'),
      by: fc.tuple(maybe('BYDAY', weekdays), fc.constant([])),
      step: fc.integer({ min: 1, max: 9 }),
    }),
    fc.record({
      freq: fc.constant('MONTHLY'),
      by: fc.tuple(maybe('BYMONTHDAY', numbers(1, 31)), fc.constant([])),
      step: fc.constantFrom(1, 2, 3, 4, 6),
    }),
    fc.record({
      freq: fc.constant('MONTHLY'),
      by: fc.tuple(
        places.map((some) => [`BYDAY=${some.join(',')}`]),
        fc.constant([]),
      ),
      step: fc.constantFrom(1, 2, 6),
    }),
    fc.record({
      freq: fc.constant('MONTHLY'),
      by: fc.tuple(
        weekdays.map((some) => [`BYDAY=${some.join(',')}`]),
        maybe('BYMONTHDAY', numbers(1, 28)),
      ),
      step: fc.constant(1),
    }),
    fc.record({
      freq: fc.constant('MONTHLY'),
      by: fc.constantFrom(
        [['BYMONTHDAY=-1'], []],
        [['BYDAY=MO,TU,WE,TH,FR'], ['BYSETPOS=-1']],
        [['BYDAY=MO,TU,WE,TH,FR'], ['BYSETPOS=1']],
      ),
      step: fc.constant(1),
    }),
    fc.record({
      freq: fc.constant('YEARLY'),
      by: fc.tuple(maybe('BYMONTH', numbers(1, 12)), maybe('BYMONTHDAY', numbers(1, 28))),
      step: fc.integer({ min: 1, max: 4 }),
    }),
  )
  .chain(({ freq, by, step }) =>
    fc
      .tuple(maybe('BYHOUR', numbers(0, 23)), maybe('BYMINUTE', numbers(0, 59)))
      .map((times) =>
        [
          `FREQ=${freq}`,
          ...(step > 1 ? [`INTERVAL=${step}`] : []),
          ...by.flat(),
          ...times.flat(),
          'BYSECOND=0',
        ].join(';'),
      ),
  )

test('recurrence rules have the slots that rrule finds', () => {
  const start = fc
    .integer({ min: 0, max: 6000 })
    .map((day) => new Date(Date.UTC(2020, 0, 1, 7, 30) + day * dayMs))
  fc.assert(
    fc.property(recurrences, start, (rule, dtstart) => {
      // of a set with several times BYSETPOS takes one: refused
      fc.pre(!/BYSETPOS.*(?:HOUR|MINUTE)=\d+,/.test(rule))
      const theirs = new rrule.RRule({ ...rrule.RRule.parseString(rule), dtstart }).all(
        (_, index) => index < 12,
      )
      fc.pre(theirs.length > 0)
      const stamp = dtstart.toISOString().replaceAll(/[-:]|\.000Z/g, '')
      const ours = ruleOf(`DTSTART:${stamp} RRULE:${rule}`, 'UTC', dtstart)
      const before = new Date(dtstart.getTime() - 1)
      const expected = theirs.map((date) => date.toISOString())
      assert.deepEqual(firstSlots(ours, before, theirs.length), expected, rule)
      assertCounted(ours, before, theirs.at(-1) ?? before, rule)
    }),
    { seed, numRuns: 300 },
  )
})

test('COUNT and UNTIL end a recurrence where rrule ends it', () => {
  for (const bound of ['COUNT=7', 'UNTIL=20270115T000000Z']) {
    const text = `FREQ=WEEKLY;BYDAY=MO,FR;BYHOUR=9;BYMINUTE=0;BYSECOND=0;${bound}`
    const dtstart = new Date('2026-12-01T08:00:00Z')
    const theirs = new rrule.RRule({ ...rrule.RRule.parseString(text), dtstart }).all()
    const ours = ruleOf(`DTSTART:20261201T080000 RRULE:${text}`)
    assert.deepEqual(
      firstSlots(ours, dtstart, 100),
      theirs.map((date) => date.toISOString()),
    )
  }
})

/** The local time's instant: in a gap the first one after it, else its first passing. */
function instantOf(local: Temporal.PlainDateTime, zone: string): string {
  const [earlier, later] = [
    local.toZonedDateTime(zone, { disambiguation: 'earlier' }),
    local.toZonedDateTime(zone, { disambiguation: 'later' }),
  ]
  const isThere = earlier.toPlainDateTime().equals(local)
  const at = isThere ? earlier : (earlier.getTimeZoneTransition('next') ?? later)
  return new Date(at.epochMilliseconds).toISOString()
}

test('steps of the calendar keep the local time, as Temporal adds them', () => {
  const cases = fc.record({
    every: fc.integer({ min: 1, max: 12 }),
    unit: fc.constantFrom('day', 'week', 'month', 'year'),
    minute: fc.integer({ min: 0, max: 525_600 }),
    zone: fc.constantFrom(...zones),
  })
  fc.assert(
    fc.property(cases, ({ every, unit, minute, zone }) => {
      const first = Temporal.PlainDateTime.from('2026-01-01T00:00').add({ minutes: minute })
      const expr = `every ${every} ${unit} from ${first.toString({ smallestUnit: 'minute' })}`
      const rule: Rule = { schedule: { kind: 'calendar', expr, display: expr }, zone, anchor: new Date(0) }
      const expected = Array.from({ length: 15 }, (_, index) =>
        instantOf(first.add({ [`${unit}s`]: every * index }), zone),
      )
      const before = new Date(Date.parse(expected[0] ?? '') - 1)
      assert.deepEqual(firstSlots(rule, before, 15), expected, `${expr} in ${zone}`)
      assertCounted(rule, before, new Date(expected.at(-1) ?? ''), `${expr} in ${zone}`)
    }),
    { seed, numRuns: 80 },
  )
})

suite('several rules', () => {
  const places2 = fc.record({
    zone: fc.constantFrom(...zones),
    hour: fc.integer({ min: 0, max: 24 * 365 }),
    one: expressions(),
    other: expressions(),
  })

  test('are due when any of them is, and no instant counts twice', () => {
    fc.assert(
      fc.property(places2, ({ zone, hour, one, other }) => {
        const after = new Date(Date.UTC(2026, 0, 1) + hour * 3_600_000)
        const until = new Date(after.getTime() + dayMs / 2)
        const walked = (expression: Expression) => walkMinutes(expression, zone, { after, until })
        const expected = new Set([...walked(one), ...walked(other)].map((slot) => slot.toISOString()))
        const expr = `${one.text}; ${other.text}`
        const rule: Rule = { schedule: { kind: 'rules', expr, display: expr }, zone, anchor: after }
        assert.deepEqual(assertCounted(rule, after, until, `${expr} in ${zone}`), [...expected].toSorted())
      }),
      { seed, numRuns: 40 },
    )
  })

  test('around every clock change, the three ways to count agree under every policy', () => {
    const changes = zones.flatMap((zone) => {
      const start = new Date('2026-01-01T00:00:00Z').toTemporalInstant().toZonedDateTimeISO(zone)
      const next = start.getTimeZoneTransition('next')
      const second = next?.getTimeZoneTransition('next')
      return [next, second].flatMap((at) => (at ? [{ zone, at: at.epochMilliseconds }] : []))
    })
    const cases = fc.record({
      change: fc.constantFrom(...changes),
      one: expressions(),
      other: expressions(),
      skipped: fc.constantFrom('', '; skipped: next', '; skipped: skip'),
      repeated: fc.constantFrom('', '; repeated: first', '; repeated: second', '; repeated: both'),
      except: fc.constantFrom('', '; except * * * * * 0', '; except 30 * * * *', '; except 2026-03-29'),
    })
    fc.assert(
      fc.property(cases, ({ change: { zone, at }, one, other, skipped, repeated, except }) => {
        const expr = `${one.text}; ${other.text}${except}${skipped}${repeated}`
        const rule: Rule = { schedule: { kind: 'rules', expr, display: expr }, zone, anchor: new Date(0) }
        assertCounted(rule, new Date(at - dayMs), new Date(at + dayMs), `${expr} in ${zone}`)
      }),
      { seed, numRuns: 200 },
    )
  })

  test('leave out days, spans of days, and the times of another rule', () => {
    const until = new Date('2026-12-31T23:00:00Z')
    const after = new Date('2026-11-27T09:00:00Z')
    const dates = (text: string) =>
      assertCounted(ruleOf(text), after, until, text).map((slot) => slot.slice(5, 13))
    const all = dates('0 9 * * *')
    assert.deepEqual(
      dates('0 9 * * * except 2026-12-24..2026-12-26, 2026-12-31'),
      all.filter((slot) => !/12-(24|25|26|31)/.test(slot)),
    )
    assert.deepEqual(
      dates('every day at 9am except the first monday of the month'),
      all.filter((slot) => !slot.startsWith('12-07')),
    )
    assert.deepEqual(dates('0 9,12 * * *; except 0 12 * * *'), all)
    assert.deepEqual(dates('0 9 * * *; except weekends'), dates('0 9 * * 1-5'))
    assert.deepEqual(dates('0 9 * * *; until 2026-12-01'), all.slice(0, 4))
    assert.deepEqual(dates('0 9 * * *; from 2026-12-30'), all.slice(-2))
    assert.deepEqual(dates('2026-12-24 18:00; 2026-12-31 18:00'), ['12-24T18', '12-31T18'])
    assert.deepEqual(dates('friday the 13th at 9am'), [])
  })
})

suite('the policy for clock changes', () => {
  const due = (text: string, day: string) => {
    const after = new Date(`${day}T00:00:00Z`)
    const rule = ruleOf(text, 'Europe/Berlin', after)
    return assertCounted(
      rule,
      new Date(after.getTime() - 7_200_000),
      new Date(after.getTime() + 43_200_000),
      text,
    ).map((slot) => slot.slice(11, 16))
  }

  test('a skipped local time is due after the gap, or not at all', () => {
    assert.deepEqual(due('30 2 * * *', '2027-03-28'), ['01:00'])
    assert.deepEqual(due('30 2 * * *; skipped: next', '2027-03-28'), ['01:00'])
    assert.deepEqual(due('30 2 * * *; skipped: skip', '2027-03-28'), [])
    assert.deepEqual(due('*/30 2 * * *', '2027-03-28'), [])
    assert.deepEqual(due('*/30 2 * * *; skipped: next', '2027-03-28'), ['01:00'])
  })

  test('a repeated local time is due the first time, the second time, or both', () => {
    assert.deepEqual(due('30 2 * * *', '2027-10-31'), ['00:30'])
    assert.deepEqual(due('30 2 * * *; repeated: first', '2027-10-31'), ['00:30'])
    assert.deepEqual(due('30 2 * * *; repeated: second', '2027-10-31'), ['01:30'])
    assert.deepEqual(due('30 2 * * *; repeated: both', '2027-10-31'), ['00:30', '01:30'])
    assert.deepEqual(due('*/30 2 * * *; repeated: first', '2027-10-31'), ['00:00', '00:30'])
    assert.deepEqual(due('0 3 * * *; repeated: second', '2027-10-31'), ['02:00'])
  })
})

test('days that depend on the month are those that Temporal finds', () => {
  const days = (text: string) =>
    firstSlots(
      ruleOf(text, 'UTC', new Date('2026-12-31T12:00:00Z')),
      new Date('2026-12-31T12:00:00Z'),
      24,
    ).map((slot) => slot.slice(0, 10))
  const months = Array.from({ length: 24 }, (_, index) =>
    Temporal.PlainYearMonth.from('2027-01').add({ months: index }),
  )
  const of = (find: (month: Temporal.PlainDate[]) => Temporal.PlainDate | undefined) =>
    months.map((month) =>
      String(
        find(Array.from({ length: month.daysInMonth }, (_, index) => month.toPlainDate({ day: index + 1 }))),
      ),
    )
  const isWorkday = ({ dayOfWeek }: Temporal.PlainDate) => dayOfWeek < 6
  assert.deepEqual(
    days('0 9 * * 1#1'),
    of((month) => month.find(({ dayOfWeek }) => dayOfWeek === 1)),
  )
  assert.deepEqual(
    days('0 9 * * 5#L'),
    of((month) => month.findLast(({ dayOfWeek }) => dayOfWeek === 5)),
  )
  assert.deepEqual(
    days('0 9 * * TUE#3'),
    of((month) => month.filter(({ dayOfWeek }) => dayOfWeek === 2)[2]),
  )
  assert.deepEqual(
    days('0 9 L * *'),
    of((month) => month.at(-1)),
  )
  assert.deepEqual(
    days('0 9 L-2 * *'),
    of((month) => month.at(-3)),
  )
  assert.deepEqual(
    days('0 9 LW * *'),
    of((month) => month.findLast(isWorkday)),
  )
  assert.deepEqual(
    days('0 9 1W * *'),
    of((month) => month.find(isWorkday)),
  )
  const near = (month: Temporal.PlainDate[]) => {
    const middle = month[14]
    if (middle?.dayOfWeek === 6) return month[13]
    return middle?.dayOfWeek === 7 ? month[15] : middle
  }
  assert.deepEqual(days('0 9 15W * *'), of(near))
})

suite('no rule is walked slot by slot', () => {
  const hostile = [
    '* * * * * *; except * * * * * *',
    '0 0 29 2 1#5',
    '0 0 31W 2 *',
    '0 0 0 29 2 * 2101',
    'every 36525 day from 2026-01-01T00:00',
    '0 0 29 2 *; except 2026-01-01..2399-01-01',
    '*/7 * * * * *; 0-59/11 * * * * *; */13 * * * *; except * * * * * 1-6; skipped: next; repeated: second',
  ]
  for (const expr of hostile)
    test(expr, () => {
      const span = { after: new Date('2020-01-01T00:00:00Z'), until: new Date('2030-01-01T00:00:00Z') }
      for (const zone of ['UTC', 'America/New_York']) {
        const rule: Rule = { schedule: { kind: 'rules', expr, display: expr }, zone, anchor: new Date(0) }
        const startedAt = performance.now()
        nextSlot(rule, span.after)
        latestSlot(rule, span)
        countSlots(rule, span)
        assertTook(performance.now() - startedAt, 500)
      }
    })

  test('what is never due is refused when it is read', () => {
    for (const text of [
      '0 0 31W 2 *',
      '0 0 9 1 1 ? 2020',
      '0 9 * * *; except * * * * * *',
      '0 9 * * *; until 2020-01-01',
    ])
      assert.throws(() => ruleOf(text), /no instant left/, text)
  })
})

test('H is a number of the job: the same for ever, and spread over jobs', () => {
  const exprOf = (text: string, id: string) => {
    const schedule = parseSchedule(text, { now: new Date(), zone: 'UTC', id })
    return schedule.kind === 'cron' ? schedule.expr : ''
  }
  const ids = Array.from({ length: 200 }, (_, index) => (index * 7919).toString(16).padStart(12, '0'))
  const minutes = new Set(ids.map((id) => exprOf('H 9 * * *', id)))
  assert.ok(minutes.size > 50, `${minutes.size} minutes of 60`)
  for (const id of ids.slice(0, 20)) {
    assert.equal(exprOf('H 9 * * *', id), exprOf('H 9 * * *', id))
    assert.match(exprOf('H(10-19) H(0-5) * * *', id), /^1\d [0-5] \* \* \*$/)
    assert.match(exprOf('H/15 * * * *', id), /^\d+-59\/15 \* \* \* \*$/)
  }
})
