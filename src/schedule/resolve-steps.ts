import type { Cursor } from './cursor.ts'
import type { Frame } from './frame.ts'
import { fieldText, timeFields } from './fields-text.ts'
import { daysUntil, earliest, localAt, localText, timeOf, wholeSecond } from './local.ts'
import { type At, boundsOf, type Resolved } from './resolved.ts'
import { type StepUnit, stepsText } from './steps.ts'

type Every = NonNullable<Frame['every']>

/**
 * Steps in elapsed time (`every 90 minutes`), and steps of the calendar that need a day to begin with (`every 2 weeks
 * on friday`, `every 3 months`). Null: cron says it.
 */
export function resolveSteps(cursor: Cursor, frame: Frame, every: Every, at: At): Resolved | null {
  const { count, unit, isOther } = every
  if (unit === 'second' || unit === 'minute' || unit === 'hour') {
    const seconds = count * { second: 1, minute: 60, hour: 3600 }[unit]
    const isAligned = isOther && (unit === 'hour' ? 24 % count === 0 : 60 % count === 0)
    return isRestricted(frame) || isAligned ? null : { kind: 'interval', everyMs: seconds * 1000 }
  }
  // "every week" and "every quarter" have their places in the calendar, and so has "every 12 months on the 1st"
  const isUsual = count === 1 || (count === 3 && unit === 'month' && /quarter/i.test(cursor.text))
  return isUsual ? null : stepsFrom(cursor, frame, { count, unit }, at)
}

function isRestricted({
  weekdays,
  dates,
  nth,
  months,
  window,
  startingAt,
  minutes,
  times,
  except,
  date,
  from,
  until,
}: Frame): boolean {
  const lists = [dates, nth, months, minutes, times, except].some((list: unknown[]) => list.length > 0)
  return (
    lists ||
    weekdays !== null ||
    window !== null ||
    startingAt !== null ||
    date !== null ||
    from !== null ||
    until !== null
  )
}

function stepsFrom(
  cursor: Cursor,
  frame: Frame,
  { count, unit }: { count: number; unit: StepUnit },
  at: At,
): Resolved {
  if (frame.minutes.length > 0 || frame.window)
    throw cursor.misread('does not fit a step of days or more', [], 0)
  if (count > 36_525) throw cursor.misread('is more than 100 years', [], 0)
  if (frame.months.length > 0 && frame.dates.length + frame.nth.length === 0)
    throw cursor.misread(`names months beside a step of ${unit}s`, ['every day in january at 9am'], 0)
  // "starting 2030-01-01": the steps are counted from that day
  const here = frame.from ? Temporal.PlainDateTime.from(frame.from) : wholeSecond(localAt(at.now, at.zone))
  const times = [
    ...frame.times.map(({ seconds }) => seconds),
    ...(frame.times.length === 0 && frame.startingAt !== null ? [frame.startingAt] : []),
  ]
  const { weekdays } = frame
  const found = (rules: string[]): Resolved => ({
    kind: 'rules',
    rules,
    except: frame.except,
    ...boundsOf(frame),
  })
  if (weekdays) {
    if (unit !== 'week')
      throw cursor.misread(
        `does not fit a step of ${unit}s`,
        [
          cursor.with(
            'weeks',
            cursor.tokens.findIndex(({ text }) => text.startsWith(unit)),
          ),
        ],
        0,
      )
    return found(weekly(here, { count, weekdays, times: times.length > 0 ? times : [0] }))
  }
  if (frame.dates.length + frame.nth.length > 0)
    return found(monthly(cursor, frame, { count, unit, here, times }))
  if (times.length === 0) {
    const first = frame.from ? here : here.add({ [`${unit}s`]: count })
    return found([stepsText({ every: count, unit, first: localText(first) })])
  }
  const days = times.map((time) => firstOn(here, time))
  const base = earliest(days)
  return found(
    times.map((time) =>
      stepsText({ every: count, unit, first: localText(base.toPlainDateTime(timeOf(time))) }),
    ),
  )
}

/** Today, or tomorrow where the time has passed. */
function firstOn(here: Temporal.PlainDateTime, time: number): Temporal.PlainDate {
  const today = here.toPlainDate()
  const isPast = Temporal.PlainDateTime.compare(today.toPlainDateTime(timeOf(time)), here) < 0
  return isPast ? today.add({ days: 1 }) : today
}

/** All days of a week are in one step: the week that the first of them comes in. */
function weekly(
  here: Temporal.PlainDateTime,
  { count, weekdays, times }: { count: number; weekdays: number[]; times: number[] },
): string[] {
  const coming = weekdays.flatMap((weekday) =>
    times.map((time) => {
      const day = firstOn(here, time)
      return day.add({ days: daysUntil(weekday, day) })
    }),
  )
  const base = earliest(coming)
  const monday = base.subtract({ days: base.dayOfWeek - 1 })
  return weekdays.flatMap((weekday) =>
    times.map((time) => {
      const day = monday.add({ days: (weekday + 6) % 7 })
      return stepsText({ every: count, unit: 'week', first: localText(day.toPlainDateTime(timeOf(time))) })
    }),
  )
}

type Monthly = { count: number; unit: StepUnit; here: Temporal.PlainDateTime; times: number[] }

/** `every 2 months on the 1st`: months of each year, from the one on that has the first such day. */
function monthly(cursor: Cursor, frame: Frame, { count, unit, here, times }: Monthly): string[] {
  const months = unit === 'year' ? 12 * count : unit === 'month' ? count : 0
  if (months === 0)
    throw cursor.misread(`does not fit a step of ${unit}s`, ['every month on the 1st at 9am'], 0)
  const [date, ...more] = frame.dates
  const number = Number(date)
  const isPlain = more.length === 0 && frame.nth.length === 0 && Number.isInteger(number)
  const time = times.length > 0 ? times : [0]
  if (isPlain) {
    const firsts = time.map((one) => firstDate(cursor, here, { number, month: frame.months[0], time: one }))
    const base = earliest(firsts)
    return time.map((one) =>
      stepsText({ every: months, unit: 'month', first: localText(base.toPlainDateTime(timeOf(one))) }),
    )
  }
  if (12 % months !== 0)
    throw cursor.misread(
      'months go into a year without a rest for such days only',
      ['every 2 months on the 1st at 9am'],
      0,
    )
  const named = Array.from(
    { length: 12 / months },
    (_, index) => ((here.month - 1 + index * months) % 12) + 1,
  )
  const month = fieldText(named, { size: 12, least: 1 })
  const days = [
    ...(frame.dates.length > 0 ? [`${frame.dates.join(',')} ${month} *`] : []),
    ...(frame.nth.length > 0 ? [`* ${month} ${frame.nth.join(',')}`] : []),
  ]
  return timeFields(time).flatMap((fields) => days.map((text) => `${fields} ${text}`))
}

type Wanted = { number: number; month: number | undefined; time: number }

/** The first day of that number, and of that month if one is named. */
function firstDate(
  cursor: Cursor,
  here: Temporal.PlainDateTime,
  { number, month, time }: Wanted,
): Temporal.PlainDate {
  const thisMonth = here.toPlainDate().with({ day: 1 })
  for (let ahead = 0; ahead <= 96; ahead++) {
    const start = thisMonth.add({ months: ahead })
    if (start.daysInMonth < number || (month !== undefined && start.month !== month)) continue
    const day = start.with({ day: number })
    if (Temporal.PlainDateTime.compare(day.toPlainDateTime(timeOf(time)), here) >= 0) return day
  }
  throw cursor.misread('names a day that its month does not have', [], 0)
}
