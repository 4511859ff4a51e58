import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import fc from 'fast-check'
import { explain, nextWithTransitions } from '../../src/schedule/index.ts'
import { countSlots, latestSlot, nextSlot, type Rule } from '../../src/schedule/index.ts'
import { parseSchedule } from '../../src/schedule/parse.ts'

// Random rules of the kinds that other schedulers write, held to the package `rrule` and to days that Temporal walks. Each
// rule is also explained, previewed, and caught up with in one step.

// its ES module is not one that Node reads
const rrule = createRequire(import.meta.url)('rrule') as typeof import('rrule')

const seed = 20_261_128
const dayMs = 86_400_000
const zone = fc.constantFrom(
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kolkata',
)
const start = fc
  .integer({ min: 0, max: 3_000 })
  .map((day) => new Date(Date.UTC(2020, 0, 1, 12) + day * dayMs))
const time = { hour: fc.integer({ min: 0, max: 23 }), minute: fc.integer({ min: 0, max: 59 }) }

function ruleOf(text: string, where: string, now: Date): Rule {
  return { schedule: parseSchedule(text, { now, zone: where }), zone: where, anchor: now }
}

/** The first slots, one by one; the same in a preview, and in one step for a process that comes after all of them. */
async function slotsOf(rule: Rule, after: Date, count: number): Promise<string[]> {
  const slots: Date[] = []
  for (let slot = nextSlot(rule, after); slot && slots.length < count; slot = nextSlot(rule, slot))
    slots.push(slot)
  const what = JSON.stringify(rule.schedule)
  const upcoming = await nextWithTransitions(rule, { after, count })
  assert.deepEqual(
    upcoming.map(({ at }) => at),
    slots,
    `preview of ${what}`,
  )
  const until = slots.at(-1)
  if (until) {
    assert.equal(countSlots(rule, { after, until }), slots.length, `count of ${what}`)
    assert.deepEqual(latestSlot(rule, { after, until }), until, `latest of ${what}`)
  }
  assert.match(explain(rule.schedule, rule.zone), /\d|every|day|month/i, `words for ${what}`)
  return slots.map((slot) => slot.toISOString())
}

/** The local time's instant: in a gap the first one after it, else its first passing. */
function instantOf(local: Temporal.PlainDateTime, where: string): string {
  const earlier = local.toZonedDateTime(where, { disambiguation: 'earlier' })
  const isThere = earlier.toPlainDateTime().equals(local)
  const at = isThere ? earlier : earlier.getTimeZoneTransition('next')
  return new Date((at ?? earlier).epochMilliseconds).toISOString()
}

/** The first instants after `after` at this time of those days, day by day. */
function walked(
  isDue: (day: Temporal.PlainDate) => boolean,
  {
    after,
    where,
    count,
    hour,
    minute,
  }: { after: Date; where: string; count: number; hour: number; minute: number },
): string[] {
  const found: string[] = []
  let day = after.toTemporalInstant().toZonedDateTimeISO(where).toPlainDate()
  for (let n = 0; found.length < count && n < 366 * 9; n++, day = day.add({ days: 1 })) {
    if (!isDue(day)) continue
    const at = instantOf(day.toPlainDateTime({ hour, minute }), where)
    if (Date.parse(at) > after.getTime()) found.push(at)
  }
  return found
}

const count = 12
const isoDay = (cron: number) => (cron === 0 ? 7 : cron)
const isWorkday = ({ dayOfWeek }: Temporal.PlainDate) => dayOfWeek < 6
const lastOf = (day: Temporal.PlainDate) => day.with({ day: day.daysInMonth })

/** What stands for days that depend on the month in cron, and whether a day is one. */
const monthDays: fc.Arbitrary<{ dom: string; dow: string; isDue: (day: Temporal.PlainDate) => boolean }> =
  fc.oneof(
    fc
      .record({ dow: fc.integer({ min: 0, max: 6 }), nth: fc.integer({ min: 1, max: 5 }) })
      .map(({ dow, nth }) => ({
        ...{ dom: '*', dow: `${dow}#${nth}` },
        isDue: ({ dayOfWeek, day }: Temporal.PlainDate) =>
          dayOfWeek === isoDay(dow) && Math.ceil(day / 7) === nth,
      })),
    fc.integer({ min: 0, max: 6 }).map((dow) => ({
      ...{ dom: '*', dow: `${dow}#L` },
      isDue: ({ dayOfWeek, day, daysInMonth }: Temporal.PlainDate) =>
        dayOfWeek === isoDay(dow) && day > daysInMonth - 7,
    })),
    fc.integer({ min: 0, max: 27 }).map((before) => ({
      ...{ dom: before === 0 ? 'L' : `L-${before}`, dow: '*' },
      isDue: ({ day, daysInMonth }: Temporal.PlainDate) => day === daysInMonth - before,
    })),
    fc.constant({
      ...{ dom: 'LW', dow: '*' },
      isDue(day: Temporal.PlainDate) {
        let last = lastOf(day)
        while (!isWorkday(last)) last = last.subtract({ days: 1 })
        return day.equals(last)
      },
    }),
    fc.integer({ min: 1, max: 31 }).map((of) => ({
      ...{ dom: `${of}W`, dow: '*' },
      isDue(day: Temporal.PlainDate) {
        if (of > day.daysInMonth) return false
        const middle = day.with({ day: of })
        const near = [
          middle,
          middle.subtract({ days: 1 }),
          middle.add({ days: 1 }),
          middle.add({ days: 2 }),
          middle.subtract({ days: 2 }),
        ]
        // the nearest workday of the same month
        const found = near.find((one) => isWorkday(one) && one.month === middle.month)
        return found !== undefined && day.equals(found)
      },
    })),
  )

test('the nth, the last and the nearest day of a month are those of a walk by Temporal', async () => {
  await fc.assert(
    fc.asyncProperty(
      monthDays,
      zone,
      start,
      fc.record(time),
      async ({ dom, dow, isDue }, where, after, at) => {
        const text = `${at.minute} ${at.hour} ${dom} * ${dow}`
        const expected = walked(isDue, { after, where, count, ...at })
        assert.deepEqual(
          await slotsOf(ruleOf(text, where, after), after, expected.length),
          expected,
          `${text} in ${where}`,
        )
      },
    ),
    { seed, numRuns: 150 },
  )
})

const systemdDays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
const two = (value: number) => String(value).padStart(2, '0')
const some = (least: number, most: number) =>
  fc.uniqueArray(fc.integer({ min: least, max: most }), { minLength: 1, maxLength: 3 })

test('what systemd writes after OnCalendar is read as a walk by Temporal finds it', async () => {
  const events = fc.record({
    days: fc.option(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 3 })), { nil: null }),
    months: fc.option(some(1, 12), { nil: null }),
    dates: fc.option(some(1, 28), { nil: null }),
    ...time,
  })
  await fc.assert(
    fc.asyncProperty(events, zone, start, async ({ days, months, dates, ...at }, where, after) => {
      const [from = 0, more = 6] = days ?? []
      const weekdays = days ? `${systemdDays[from]}..${systemdDays[from + more]} ` : ''
      const date = `*-${months?.join(',') ?? '*'}-${dates?.join(',') ?? '*'}`
      const text = `${weekdays}${date} ${two(at.hour)}:${two(at.minute)}:00`
      const isDue = ({ dayOfWeek, month, day }: Temporal.PlainDate) =>
        (!days || (dayOfWeek > from && dayOfWeek <= from + more + 1)) &&
        (!months || months.includes(month)) &&
        (!dates || dates.includes(day))
      const expected = walked(isDue, { after, where, count, ...at })
      assert.deepEqual(
        await slotsOf(ruleOf(text, where, after), after, expected.length),
        expected,
        `${text} in ${where}`,
      )
    }),
    { seed, numRuns: 120 },
  )
})

test('what EXDATE leaves out and RDATE adds is what a set of rrule has', async () => {
  const sets = fc.record({
    rule: fc.constantFrom(
      'FREQ=DAILY',
      'FREQ=WEEKLY;BYDAY=MO,WE,FR',
      'FREQ=WEEKLY;INTERVAL=2;BYDAY=TU',
      'FREQ=MONTHLY;BYMONTHDAY=1,15',
      'FREQ=MONTHLY;BYDAY=-1FR',
      'FREQ=YEARLY;BYMONTH=3,9;BYMONTHDAY=10',
    ),
    dtstart: start,
    left: fc.uniqueArray(fc.integer({ min: 0, max: 14 }), { maxLength: 5 }),
    added: fc.uniqueArray(fc.integer({ min: 1, max: 200 }), { maxLength: 3 }),
  })
  const stamp = (at: Date) => at.toISOString().replaceAll(/[-:]|\.000Z/g, '')
  await fc.assert(
    fc.asyncProperty(sets, async ({ rule, dtstart, left, added }) => {
      const one = new rrule.RRule({ ...rrule.RRule.parseString(rule), dtstart })
      const all = one.all((_, index) => index < 30)
      const [exdates, rdates] = [
        left.flatMap((index) => all[index] ?? []),
        added.map((days) => new Date(dtstart.getTime() + days * dayMs)),
      ]
      const set = new rrule.RRuleSet()
      set.rrule(one)
      for (const at of exdates) set.exdate(at)
      for (const at of rdates) set.rdate(at)
      // by span: what is added comes first, and would count among the first so many
      const span = set.between(new Date(dtstart.getTime() - 1), all.at(-1) ?? dtstart, true)
      const theirs = [...new Set(span.map((at) => at.toISOString()))].toSorted().slice(0, count)
      const lines = [`DTSTART:${stamp(dtstart)}`, `RRULE:${rule}`]
      if (exdates.length > 0) lines.push(`EXDATE:${exdates.map(stamp).join(',')}`)
      if (rdates.length > 0) lines.push(`RDATE:${rdates.map(stamp).join(',')}`)
      const text = lines.join('\n')
      const before = new Date(dtstart.getTime() - 1)
      assert.deepEqual(await slotsOf(ruleOf(text, 'UTC', before), before, theirs.length), theirs, text)
    }),
    { seed, numRuns: 120 },
  )
})

test('a repeating interval of ISO 8601 has the steps that Temporal adds', async () => {
  const intervals = fc.record({
    duration: fc.constantFrom('P1D', 'P3D', 'P1W', 'P2W', 'P1M', 'P3M', 'P1Y'),
    dtstart: start,
    where: zone,
  })
  await fc.assert(
    fc.asyncProperty(intervals, async ({ duration, dtstart, where }) => {
      const first = dtstart.toTemporalInstant().toZonedDateTimeISO(where).toPlainDateTime()
      const text = `R/${first.toString({ smallestUnit: 'second' })}/${duration}`
      const { years, months, weeks, days } = Temporal.Duration.from(duration)
      const expected = Array.from({ length: count }, (_, n) =>
        instantOf(
          first.add({ years: years * n, months: months * n, weeks: weeks * n, days: days * n }),
          where,
        ),
      )
      const before = new Date(dtstart.getTime() - 60_000)
      const rule = ruleOf(text, where, before)
      assert.deepEqual(await slotsOf(rule, before, count), expected, `${text} in ${where}`)
    }),
    { seed, numRuns: 80 },
  )
})
