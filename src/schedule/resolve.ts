import type { Cursor } from './cursor.ts'
import type { Frame } from './frame.ts'
import { fieldText } from './fields-text.ts'
import { resolveOnce } from './resolve-once.ts'
import { resolveSteps } from './resolve-steps.ts'
import { timesOf } from './resolve-times.ts'
import { type At, boundsOf, type Resolved } from './resolved.ts'
import { clockText } from './said-times.ts'
import { partsOfDay, weekdayNumbers } from './vocabulary.ts'

/** @throws Misread: a part is missing, or two do not fit together */
export function resolve(cursor: Cursor, frame: Frame, at: At): Resolved {
  settlePart(cursor, frame)
  const { every } = frame
  const isOnce = !every && (frame.isOnce || frame.date !== null || frame.delay !== null)
  if (isOnce || (!every && saysOnlyTimes(frame))) return resolveOnce(cursor, frame, at)
  if (!every && frame.minutes.length > 0) frame.every = { count: 1, unit: 'hour', isOther: true }
  const isRepeated =
    frame.every !== null || frame.weekdays !== null || frame.dates.length + frame.nth.length > 0
  if (!isRepeated)
    throw cursor.misread(
      'does not say how often',
      [`every day ${cursor.text}`, `every day in ${cursor.text} at 9am`],
      0,
    )
  withYearlyDate(frame)
  if (
    !every &&
    frame.times.length === 0 &&
    !frame.window &&
    frame.weekdays &&
    !/s$|-|every|each|to|through/.test(cursor.text.toLowerCase().replace(/tues|weds|thurs/g, ''))
  )
    throw cursor.misread(
      'does not say whether it repeats',
      [`every ${cursor.text} at 9am`, `on ${cursor.text} at 9am`],
      0,
    )
  const steps = every && resolveSteps(cursor, frame, every, at)
  if (steps) return steps
  return resolveCron(cursor, frame)
}

function saysOnlyTimes(frame: Frame): boolean {
  const { weekdays, dates, nth, months, window, times } = frame
  return times.length > 0 && !weekdays && dates.length + nth.length + months.length === 0 && !window
}

/** `every evening at 6` is 18:00; `every morning` alone is not guessed. */
function settlePart(cursor: Cursor, frame: Frame): void {
  const { part, times } = frame
  if (part === null) return
  if (times.length === 0) {
    const usual = partsOfDay.get(part) ?? '9am'
    throw cursor.misread('says no time of day', [`${cursor.text} at ${usual}`], indexOf(cursor, part))
  }
  frame.times = times.map((time) => {
    if (!time.isBare || part === 'morning') return time
    const hour = Math.floor(time.seconds / 3600)
    if (part === 'night' && (hour < 6 || hour === 12)) {
      const given = clockText(time.seconds)
      throw cursor.misread(
        `does not tell ${hour}am from ${hour}pm`,
        [`every day at ${given}`, `every day at ${hour}pm`],
        indexOf(cursor, part),
      )
    }
    return { seconds: hour < 12 ? time.seconds + 43_200 : time.seconds, isBare: false }
  })
}

function indexOf(cursor: Cursor, part: string): number {
  return Math.max(
    0,
    cursor.tokens.findIndex(({ text }) => text.includes(part)),
  )
}

/** `every year on january 1st`: the date says the day and the month of a rule, not one day. */
function withYearlyDate(frame: Frame): void {
  const { every, date } = frame
  if (!every || date?.kind !== 'date' || date.year !== null) return
  frame.months.push(date.month)
  frame.dates.push(String(date.day))
  frame.date = null
}

function resolveCron(cursor: Cursor, frame: Frame): Resolved {
  if (frame.date)
    throw cursor.misread(
      'names one day of a rule that repeats; set starts_at or ends_at for its bounds',
      [],
      0,
    )
  const { every } = frame
  const unit = every?.unit
  refuseMisfit(cursor, frame)
  const weekdays = weekdaysOf(cursor, frame)
  const inYear = unit === 'year' && frame.months.length === 0
  const months = frame.months.length > 0 ? frame.months : monthsOf(every, inYear)
  const hasDays = weekdays !== null || frame.dates.length + frame.nth.length > 0
  const isLong = unit === 'month' || unit === 'year'
  const others = withBoth(cursor, frame, weekdays)
  const dates = frame.dates.length > 0 ? frame.dates : isLong && !hasDays ? ['1'] : []
  const month = fieldText(months, { size: 12, least: 1 })
  const usual = unit === 'week' ? [0] : []
  const dayFields = [
    ...(dates.length > 0 ? [`${dateText(dates)} ${month} *`] : []),
    ...(frame.nth.length > 0 ? [`* ${month} ${frame.nth.join(',')}`] : []),
    ...(dates.length + frame.nth.length === 0 ? [`* ${month} ${weekdayText(weekdays ?? usual)}`] : []),
  ]
  const rules = timesOf(cursor, frame).flatMap((time) => dayFields.map((days) => `${time} ${days}`))
  return {
    kind: 'rules',
    rules,
    except: [...frame.except.filter((text) => !isWeekdaysOnly(text) || weekdays === null), ...others],
    ...boundsOf(frame),
  }
}

/** Parts that do not fit together, of which one would have to be dropped. */
function refuseMisfit(cursor: Cursor, { every, weekdays, dates, nth, months }: Frame): void {
  const unit = every?.unit
  const isAnyMonth = months.length === 0
  const [weekday] = weekdays ?? []
  const name = weekday === undefined ? '' : weekdayName(weekday)
  if (weekdays && nth.length > 0)
    throw cursor.misread(
      'names weekdays and places in the month; use two rules with "; " between them',
      [`every ${name} at 9am; first ${name} of the month at 5pm`],
      0,
    )
  if (weekdays && isAnyMonth && dates.length === 0 && (unit === 'month' || unit === 'year'))
    throw cursor.misread(
      `does not say which ${name} of the ${unit}`,
      [`first ${name} of the ${unit === 'year' ? 'quarter' : 'month'} at 9am`, `every ${name} at 9am`],
      indexOf(cursor, name.slice(0, 3)),
    )
  if (unit === 'week' && dates.length > 0)
    throw cursor.misread(
      'is a day of the month in a rule of weeks',
      [`every ${weekdayName(Number(dates[0]) % 7)}`, 'every monday'],
      0,
    )
  if (!every && isAnyMonth && nth.length === 1 && nth[0]?.endsWith('L'))
    throw cursor.misread(
      'may be the one before today',
      ['last friday of the month at 9am', 'next friday at 9am'],
      0,
    )
}

const weekdayName = (day: number) =>
  [...weekdayNumbers].find(([name, number]) => name.endsWith('day') && number === day)?.[0] ?? ''

/** "friday the 13th": cron would take either, so the other weekdays are left out. */
function withBoth(cursor: Cursor, frame: Frame, weekdays: number[] | null): string[] {
  if (!weekdays || frame.dates.length === 0) return []
  if (/\band\b|,|&/i.test(cursor.text))
    throw cursor.misread(
      'names days of the week and days of the month; use two rules with "; " between them',
      [],
      0,
    )
  const others = [0, 1, 2, 3, 4, 5, 6].filter((day) => !weekdays.includes(day))
  return others.length === 0 ? [] : [`* * * * * ${weekdayText(others)}`]
}

function dateText(dates: string[]): string {
  const numbers = dates.filter((date) => /^\d+$/.test(date)).map(Number)
  const others = dates.filter((date) => !/^\d+$/.test(date))
  return [
    ...(numbers.length > 0 ? [fieldText(numbers, { size: 31, least: 1 })] : []),
    ...new Set(others),
  ].join(',')
}

const weekdayText = (days: number[]) => (days.length === 0 ? '*' : fieldText(days, { size: 7 }))
const isWeekdaysOnly = (text: string) => /^\* \* \* \* \* [\d,]+$/.test(text)

/** The weekdays that are named, less those that are left out; null: none are named. */
function weekdaysOf(cursor: Cursor, frame: Frame): number[] | null {
  const leftOut = frame.except
    .filter(isWeekdaysOnly)
    .flatMap((text) => (text.split(' ').at(-1) ?? '').split(',').map(Number))
  const isDaily =
    !frame.weekdays &&
    frame.dates.length + frame.nth.length === 0 &&
    !/month|year|week/.test(frame.every?.unit ?? '')
  const named = frame.weekdays ?? (isDaily && leftOut.length > 0 ? [0, 1, 2, 3, 4, 5, 6] : null)
  if (!named) return null
  const left = named.filter((day) => !leftOut.includes(day))
  if (left.length === 0) throw cursor.misread('leaves no day', [], cursor.tokens.length - 1)
  return left
}

/** Every month, or those of a quarter or of a year. */
function monthsOf(every: Frame['every'], inYear: boolean): number[] {
  if (inYear) return [1]
  const step = every?.unit === 'month' ? every.count : 1
  return Array.from({ length: Math.ceil(12 / step) }, (_, index) => index * step + 1)
}
