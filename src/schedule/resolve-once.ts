import type { Cursor } from './cursor.ts'
import type { Frame, SaidDate } from './frame.ts'
import { firstInstantAt } from './instant.ts'
import { daysUntil, timeOf } from './local.ts'
import type { At, Resolved } from './resolved.ts'
import { clockText } from './said-times.ts'
import { weekdayNumbers } from './vocabulary.ts'

/** One instant: a delay, a day with a time, or a time of today or tomorrow. */
export function resolveOnce(cursor: Cursor, frame: Frame, { now, zone }: At): Resolved {
  const { delay, times, date, weekdays, months, dates, nth } = frame
  if (months.length + dates.length + nth.length > 0 || (delay && (weekdays ?? date)))
    throw cursor.misread(
      'names more than one day',
      ['december 24 at 9am', 'next friday at 9am'],
      lastOf(cursor),
    )
  const here = now.toTemporalInstant().toZonedDateTimeISO(zone)
  if (delay) {
    if (times.length > 0 && !(delay.years || delay.months || delay.weeks || delay.days))
      throw cursor.misread(
        'is a time of day behind a delay',
        [withoutTime(cursor.text)],
        cursor.tokens.length - 1,
      )
    const [time] = times
    const then = here.add(delay)
    if (!time) return once(then.toInstant())
    return once(firstInstantAt(then.toPlainDate().toPlainDateTime(timeOf(time.seconds)), zone))
  }
  const [time, second] = times
  if (!time) throw cursor.misread('says no time of day', [`${cursor.text} at 9am`], lastOf(cursor))
  if (second) {
    const first = `at ${clockText(time.seconds)}`
    const start = cursor.tokens.findIndex(({ text }) => text === 'at' || text === '@')
    throw cursor.misread(
      'is a second time, and one day has one run; make a job for each',
      [start < 0 ? first : cursor.with(first, start, cursor.tokens.length)],
      lastOf(cursor),
    )
  }
  if (frame.window || frame.minutes.length > 0 || frame.except.length > 0)
    throw cursor.misread('belongs to a schedule that repeats, and this names one day', [], lastOf(cursor))
  const today = here.toPlainDate()
  const instantOn = (on: Temporal.PlainDate) => firstInstantAt(on.toPlainDateTime(timeOf(time.seconds)), zone)
  const isPast = (on: Temporal.PlainDate) =>
    Temporal.Instant.compare(instantOn(on), now.toTemporalInstant()) < 0
  const weekday = frame.isOnce ? (frame.weekdays?.[0] ?? 0) : null
  if (weekday !== null) return once(instantOn(comingWeekday(today, weekday, isPast)))
  if (!date) return once(instantOn(isPast(today) ? today.add({ days: 1 }) : today))
  const day = dayOfDate(date, { today, isPast })
  if (weekdays && !weekdays.includes(day.dayOfWeek % 7))
    throw cursor.misread(
      `is not the weekday of ${day.toString()}`,
      [`${day.toString()} ${clockText(time.seconds)}`],
      Math.max(
        0,
        cursor.tokens.findIndex(({ text }) => weekdayNumbers.has(text)),
      ),
    )
  return once(instantOn(day))
}

const once = (at: Temporal.Instant): Resolved => ({ kind: 'once', runAt: new Date(at.epochMilliseconds) })
const lastOf = (cursor: Cursor) => Math.max(0, cursor.tokens.length - 1)

type Today = { today: Temporal.PlainDate; isPast: (on: Temporal.PlainDate) => boolean }

function comingWeekday(
  today: Temporal.PlainDate,
  weekday: number,
  isPast: Today['isPast'],
): Temporal.PlainDate {
  const coming = today.add({ days: daysUntil(weekday, today) })
  return isPast(coming) ? coming.add({ days: 7 }) : coming
}

function dayOfDate(date: SaidDate, { today, isPast }: Today): Temporal.PlainDate {
  if (date.kind === 'ahead') {
    const on = today.add({ days: date.days })
    // "today" and "tonight" at a time that has passed are the next day's
    return date.days === 0 && isPast(on) ? on.add({ days: 1 }) : on
  }
  if (date.kind === 'weekday') {
    if (!date.isNextWeek) return comingWeekday(today, date.weekday, isPast)
    return today.add({ days: daysUntil(date.weekday, today) || 7 })
  }
  const { month, day } = date
  const inYear = (year: number) => Temporal.PlainDate.from({ year, month, day })
  if (date.year !== null) return inYear(date.year)
  // 29 February is there in leap years only, eight years apart at most
  for (let year = today.year; year < today.year + 8; year++)
    if (inYear(year).day === day && !isPast(inYear(year))) return inYear(year)
  return inYear(today.year + 8)
}

function withoutTime(text: string): string {
  const at = text.toLowerCase().indexOf(' at ')
  return at < 0 ? text : text.slice(0, at)
}
