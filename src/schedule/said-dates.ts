import type { Cursor } from './cursor.ts'
import { monthHere } from './said-days.ts'
import type { SaidDate } from './frame.ts'
import { clockText, readCount, readTime } from './said-times.ts'
import { units, weekdayNumbers } from './vocabulary.ts'

const two = (value: number) => String(value).padStart(2, '0')

/** `2026-12-24`, `24.12.2026`, `Dec 24 2026`, `24th of december`; null: no date stands here. @throws Misread */
export function readDate(cursor: Cursor): Extract<SaidDate, { kind: 'date' }> | null {
  return readDigitDate(cursor) ?? cursor.attempt(readNamedDate)
}

function readDigitDate(cursor: Cursor): Extract<SaidDate, { kind: 'date' }> | null {
  const { kind, text } = cursor.peek()
  if (kind !== 'date') return null
  const numbers = text.split(/[-./]/).map(Number)
  const [first = 0, second = 0, third = 0] = numbers
  const isYearFirst = /^\d{4}/.test(text)
  if (!isYearFirst && text.includes('/') && second <= 12 && first <= 12 && first !== second)
    throw bothWays(cursor, numbers)
  const isMonthFirst = text.includes('/') && second > 12
  const year = isYearFirst ? first : third < 100 ? 2000 + third : third
  const month = isYearFirst || !isMonthFirst ? second : first
  const day = isYearFirst ? third : isMonthFirst ? second : first
  return checked(cursor, { year, month, day }, 1)
}

function bothWays(cursor: Cursor, [first = 0, second = 0, third = 0]: number[]) {
  const year = third < 100 ? 2000 + third : third
  const start = cursor.at
  cursor.at += 1
  cursor.take('at', '@')
  const time = readTime(cursor, true)
  const end = cursor.at
  cursor.at = start
  const tries = [`${year}-${two(first)}-${two(second)}`, `${year}-${two(second)}-${two(first)}`]
  return cursor.misread(
    'may be read month first or day first; write year-month-day',
    tries.map((date) =>
      cursor.with(time ? `${date} ${clockText(time.seconds)}` : `${date} 09:00`, start, end),
    ),
  )
}

function readNamedDate(cursor: Cursor): Extract<SaidDate, { kind: 'date' }> | null {
  const start = cursor.at
  cursor.take('the')
  let day = readDayNumber(cursor)
  if (day !== null) cursor.take('of')
  const month = monthHere(cursor)
  if (month === null) return null
  cursor.take('the')
  day ??= readDayNumber(cursor)
  if (day === null) return null
  const year = cursor.attempt(() => {
    cursor.take(',')
    const { text } = cursor.peek()
    if (!/^20\d\d$|^21\d\d$/.test(text)) return null
    cursor.at += 1
    return Number(text)
  })
  // "1 of january and july" are dates of every year
  if (year === null && cursor.attempt(() => (cursor.take(',', 'and') ? monthHere(cursor) : null))) return null
  const length = cursor.at - start
  cursor.at = start
  return checked(cursor, { year, month, day }, length)
}

function readDayNumber(cursor: Cursor): number | null {
  const { kind, text } = cursor.peek()
  if ((kind !== 'number' && kind !== 'ordinal') || !/^\d{1,2}(\D|$)/.test(text) || text.includes('.'))
    return null
  cursor.at += 1
  return Number.parseInt(text, 10)
}

function checked(cursor: Cursor, date: { year: number | null; month: number; day: number }, length: number) {
  try {
    Temporal.PlainDate.from({ ...date, year: date.year ?? 2024 }, { overflow: 'reject' })
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const near = Temporal.PlainDate.from({
      year: date.year ?? 2027,
      month: Math.max(1, date.month),
      day: Math.max(1, date.day),
    })
    const tries = ['', ' 09:00'].map((time) =>
      cursor.with(`${near.toString()}${time}`, cursor.at, cursor.at + length),
    )
    throw cursor.misread(
      'is not a date that exists',
      tries,
      cursor.at + (cursor.peek().text === 'the' ? 1 : 0),
    )
  }
  cursor.at += length
  return { kind: 'date', ...date } as const
}

/** `today`, `tonight`, `tomorrow`, `next monday`, `this friday`, `the day after tomorrow`; null: none of them. */
export function readDayAhead(cursor: Cursor): { date: SaidDate; part: string | null } | null {
  const ahead = (days: number, part: string | null = null) => ({
    date: { kind: 'ahead', days } as const,
    part,
  })
  if (cursor.take('today')) return ahead(0)
  if (cursor.take('tonight')) return ahead(0, 'night')
  if (cursor.take('tomorrow'))
    return ahead(
      1,
      cursor.take('night')
        ? 'night'
        : cursor.take('morning')
          ? 'morning'
          : cursor.take('evening')
            ? 'evening'
            : null,
    )
  if (cursor.takeAll('the', 'day', 'after', 'tomorrow') || cursor.takeAll('day', 'after', 'tomorrow'))
    return ahead(2)
  return cursor.attempt(() => {
    cursor.take('on')
    const isNextWeek = cursor.take('next', 'coming')
    if (!isNextWeek && !cursor.take('this')) return null
    if (!isNextWeek && ['morning', 'afternoon', 'evening'].includes(cursor.peek().text)) {
      cursor.at += 1
      return ahead(0, cursor.peek(-1).text)
    }
    const weekday = weekdayNumbers.get(cursor.peek().text)
    if (weekday === undefined) return null
    cursor.at += 1
    return { date: { kind: 'weekday', weekday, isNextWeek }, part: null }
  })
}

/** `in 2 weeks`, `in half an hour`, `in an hour and a half`, `2 hours from now`; null: no delay. */
export function readDelay(cursor: Cursor): Temporal.Duration | null {
  return cursor.attempt(() => {
    const isIn = cursor.take('in')
    if (cursor.take('+')) return readSpan(cursor)
    const span = readSpan(cursor)
    if (!span) return null
    return cursor.takeAll('from', 'now') || cursor.take('later') || isIn ? span : null
  })
}

function readSpan(cursor: Cursor): Temporal.Duration | null {
  if (cursor.takeAll('half', 'an', 'hour') || cursor.takeAll('half', 'hour'))
    return Temporal.Duration.from({ minutes: 30 })
  if (cursor.takeAll('quarter', 'of', 'an', 'hour') || cursor.takeAll('a', 'quarter', 'of', 'an', 'hour'))
    return Temporal.Duration.from({ minutes: 15 })
  const parts = cursor.list(() => {
    const count = readCount(cursor)
    const unit = count === null ? undefined : units.get(cursor.peek().text)
    if (count === null || !unit) return null
    cursor.at += 1
    const half = cursor.takeAll('and', 'a', 'half') ? 0.5 : 0
    return { unit: unit[0], count: (count + half) * unit[1] }
  })
  if (!parts) return null
  const total = { years: 0, months: 0, weeks: 0, days: 0, seconds: 0 }
  for (const { unit, count } of parts) {
    if (unit === 'second' || unit === 'minute' || unit === 'hour') {
      total.seconds += Math.round(count * secondsOf[unit])
    } else {
      if (!Number.isInteger(count)) return null
      total[`${unit}s`] += count
    }
  }
  const years =
    total.years + total.months / 12 + total.weeks / 52 + total.days / 365 + total.seconds / 31_536_000
  if (years > mostYears) throw cursor.misread('ends after the year 9998')
  return Temporal.Duration.from(total)
}

/** Temporal refuses to add much more to a date. */
const mostYears = 10_000
const secondsOf = { second: 1, minute: 60, hour: 3600 }
