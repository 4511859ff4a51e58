import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CronExpressionParser } from 'cron-parser'
import fc from 'fast-check'
import { countSlots, latestSlot, type Rule, slotsIn } from '../../src/schedule/index.ts'
import { type Expression, expressions } from './expressions.ts'
import { walkMinutes } from './walker.ts'

const seed = 20_260_329
const hourMs = 3_600_000
const zones = Intl.supportedValuesOf('timeZone')

type Span = { after: Date; until: Date }
type Change = { zone: string; at: number; shiftMs: number }

function ruleFor(expr: string, zone: string): Rule {
  return { schedule: { kind: 'cron', expr, display: expr }, zone, anchor: new Date(0) }
}

/** The next two offset changes of the zone after an instant. */
function changesAfter(zone: string, instant: number): Change[] {
  const changes: Change[] = []
  let next = Temporal.Instant.fromEpochMilliseconds(instant)
    .toZonedDateTimeISO(zone)
    .getTimeZoneTransition('next')
  while (next && changes.length < 2) {
    const shiftMs = (next.offsetNanoseconds - next.subtract({ nanoseconds: 1 }).offsetNanoseconds) / 1e6
    changes.push({ zone, at: next.epochMilliseconds, shiftMs })
    next = next.getTimeZoneTransition('next')
  }
  return changes
}

/** The last clock change of each kind: all zones that have had any since 1980, forward and back. */
const changes = zones.flatMap((zone) => {
  const now = changesAfter(zone, Date.parse('2025-11-20T00:00:00Z'))
  return now.length > 0 ? now : changesAfter(zone, Date.parse('1980-01-01T00:00:00Z'))
})

function around({ at }: Change, hours: number): Span {
  const minute = Math.floor(at / 60_000) * 60_000
  return { after: new Date(minute - hours * hourMs), until: new Date(minute + hours * hourMs) }
}

const inText = (slots: Iterable<Date>) => Array.from(slots, (slot) => slot.toISOString())

function assertSameSlots(expression: Expression, zone: string, span: Span) {
  const rule = ruleFor(expression.text, zone)
  const expected = walkMinutes(expression, zone, span)
  assert.deepEqual(inText(slotsIn(rule, span)), inText(expected), `${expression.text} in ${zone}`)
  assert.equal(countSlots(rule, span), expected.length, `count of ${expression.text} in ${zone}`)
  assert.deepEqual(latestSlot(rule, span), expected.at(-1) ?? null, `latest of ${expression.text} in ${zone}`)
}

/** What cron-parser says; it has no upper bound, so slots are taken while they lie in the span. */
function otherLibrary(expr: string, zone: string, { after, until }: Span): Date[] {
  const slots: Date[] = []
  const parser = CronExpressionParser.parse(expr, { tz: zone, currentDate: after })
  for (let slot = parser.next().toDate(); slot <= until; slot = parser.next().toDate()) {
    // Around some clock changes (Pacific/Chatham) it gives earlier slots again, for ever.
    if (slot <= (slots.at(-1) ?? after)) break
    slots.push(slot)
  }
  return slots
}

test('around both clock changes of every IANA zone, slots are those of a minute-by-minute walk', () => {
  assert.ok(changes.filter(({ shiftMs }) => shiftMs > 0).length > 100)
  assert.ok(changes.filter(({ shiftMs }) => shiftMs < 0).length > 100)
  const samples = fc.sample(expressions(), { numRuns: changes.length, seed })
  changes.forEach((change, index) => {
    const expression = samples[index]
    assert.ok(expression)
    assertSameSlots(expression, change.zone, around(change, 4))
  })
})

test('at any time since 1975 and in any zone, slots are those of a minute-by-minute walk', () => {
  const year = 365 * 24 * hourMs
  const place = fc.record({
    zone: fc.constantFrom(...zones),
    instant: fc.integer({ min: 5 * year, max: 75 * year }),
    expression: expressions(),
  })
  const check = fc.property(place, ({ zone, instant, expression }) => {
    const change = changesAfter(zone, instant)[0] ?? { zone, at: instant, shiftMs: 0 }
    assertSameSlots(expression, zone, around(change, 27))
  })
  fc.assert(check, { seed, numRuns: 150 })
})

test('far from clock changes, slots are those of cron-parser', () => {
  const place = fc.record({
    zone: fc.constantFrom(...zones),
    hour: fc.integer({ min: 0, max: 24 * 365 * 20 }),
    expression: expressions(),
  })
  const check = fc.property(place, ({ zone, hour, expression }) => {
    fc.pre(!expression.bothDays)
    const after = new Date(Date.parse('2015-01-01T00:00:00Z') + hour * hourMs)
    const span = { after, until: new Date(after.getTime() + 8 * hourMs) }
    const [change] = changesAfter(zone, after.getTime() - 48 * hourMs)
    fc.pre(!change || change.at > span.until.getTime() + 48 * hourMs)
    const rule = ruleFor(expression.text, zone)
    assert.deepEqual(
      inText(slotsIn(rule, span)),
      inText(otherLibrary(expression.textWithoutRepeats, zone, span)),
    )
  })
  fc.assert(check, { seed, numRuns: 200 })
})

test('with steps in the day fields, days are those of crontab(5) for a whole year', () => {
  const field = (most: number) => {
    const value = fc.integer({ min: 1, max: most })
    return fc.oneof(
      fc.constant('*'),
      value.map((step) => `*/${step}`),
      value.map(String),
      fc.tuple(value, value).map(([step, day]) => `*/${step},${day}`),
      fc.tuple(value, value).map(([step, day]) => `${day},*/${step}`),
    )
  }
  const check = fc.property(field(31), field(6), (day, weekday) => {
    const span = { after: new Date('2027-12-31T23:00:00Z'), until: new Date('2028-12-31T23:00:00Z') }
    const ours = inText(slotsIn(ruleFor(`0 9 ${day} * ${weekday}`, 'UTC'), span))
    assert.deepEqual(ours, vixieDays(day, weekday, span), `${day} ${weekday}`)
  })
  fc.assert(check, { seed, numRuns: 300 })
})

/** cron.c of Vixie cron, cronie and Debian: `(e->flags & (DOM_STAR|DOW_STAR)) ? dom && dow : dom || dow`. */
function vixieDays(day: string, weekday: string, { after, until }: Span): string[] {
  const isIn = (text: string, value: number, least: number) =>
    text.split(',').some((item) => {
      const [span, step = '1'] = item.split('/')
      return span === '*' ? (value - least) % Number(step) === 0 : Number(span) === value
    })
  const isStar = day.startsWith('*') || weekday.startsWith('*')
  const days: string[] = []
  for (let at = after.getTime() + 10 * hourMs; at <= until.getTime(); at += 24 * hourMs) {
    const date = new Date(at)
    const [dom, dow] = [isIn(day, date.getUTCDate(), 1), isIn(weekday, date.getUTCDay(), 0)]
    if (isStar ? dom && dow : dom || dow) days.push(date.toISOString())
  }
  return days
}

test('at clock changes, slots differ from those of cron-parser only as docs/schedules.md lists', () => {
  const samples = fc.sample(expressions(), { numRuns: changes.length, seed: seed + 1 })
  const compared = { same: 0, otherwise: 0 }
  changes.forEach((change, index) => {
    const expression = samples[index]
    assert.ok(expression)
    if (!isPlainHour(change) || expression.bothDays) return
    const span = around(change, 3)
    const ours = inText(slotsIn(ruleFor(expression.text, change.zone), span))
    const theirs = inText(otherLibrary(expression.textWithoutRepeats, change.zone, span))
    const differing = ours
      .filter((slot) => !theirs.includes(slot))
      .concat(theirs.filter((slot) => !ours.includes(slot)))
    compared[differing.length > 0 ? 'otherwise' : 'same'] += 1
    const mayDiffer =
      (expression.hours.size < 24 && (change.shiftMs > 0 || expression.runsThrough)) ||
      (repeatsMidnight(change) && !isEveryDay(expression))
    if (!mayDiffer) assert.deepEqual(differing, [], `${expression.text} in ${change.zone}`)
    const inShift = (slot: string) => Math.abs(Date.parse(slot) - change.at) <= Math.abs(change.shiftMs)
    assert.ok(differing.every(inShift), `${expression.text} in ${change.zone}: ${differing.join(' ')}`)
  })
  assert.ok(compared.same > 350, `${compared.same} the same, ${compared.otherwise} otherwise`)
})

/** Havana: 01:00 becomes 00:00 of the same day. A day that cron-parser jumps to begins with its second midnight there. */
function repeatsMidnight({ zone, at, shiftMs }: Change): boolean {
  return shiftMs < 0 && Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone).hour === 0
}

function isEveryDay({ days, months, weekdays }: Expression): boolean {
  return days.size === 31 && months.size === 12 && weekdays.size === 7
}

/**
 * One hour, between offsets of whole hours. Around other changes (Lord Howe: half an hour, Chatham: from +13:45, Troll:
 * two hours) cron-parser gives up with "loop limit exceeded", goes back in time, or runs a fixed time twice.
 */
function isPlainHour({ zone, at, shiftMs }: Change): boolean {
  const { offsetNanoseconds } = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone)
  return Math.abs(shiftMs) === hourMs && (offsetNanoseconds / 1e6) % hourMs === 0
}
