import type { Cursor } from './cursor.ts'
import type { Frame } from './frame.ts'
import { fieldText, timeFields } from './fields-text.ts'
import { resolveOnce } from './resolve-once.ts'
import { resolveSteps } from './resolve-steps.ts'
import { type At, boundsOf, type Resolved } from './resolved.ts'
import { clockText } from './said-times.ts'
import { partsOfDay } from './vocabulary.ts'

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

/** Cron's fields before the days. */
function timesOf(cursor: Cursor, frame: Frame): string[] {
  const { every, window, minutes, times } = frame
  const isShort = every && (every.unit === 'hour' || every.unit === 'minute' || every.unit === 'second')
  if (!isShort) {
    if (minutes.length > 0)
      throw cursor.misread('says a minute and no hour', ['hourly at :15', 'every day at 9:15'], 0)
    if (window)
      throw cursor.misread(
        'has a span of the day and does not say how often in it',
        [`every hour ${cursor.text}`, `every 15 minutes ${cursor.text}`],
        0,
      )
    return timeFields(times.length > 0 ? times.map(({ seconds }) => seconds) : [0])
  }
  if (times.length > 0) {
    const [{ seconds } = { seconds: 0 }] = times
    const found = cursor.tokens.findIndex(({ kind }) => kind === 'clock')
    const index = found < 0 ? cursor.tokens.length - 1 : found
    const minute = /^\d{1,2}$/.test(cursor.tokens.at(-1)?.text ?? '')
      ? [`hourly at :${(cursor.tokens.at(-1)?.text ?? '').padStart(2, '0')}`]
      : []
    throw cursor.misread(
      'is a time of day beside a step of less than a day',
      [...minute, `every day at ${clockText(seconds)}`],
      index,
    )
  }
  return timesOfStep(cursor, frame, every)
}

function timesOfStep(cursor: Cursor, frame: Frame, { count, unit }: NonNullable<Frame['every']>): string[] {
  const { minutes, window, startingAt } = frame
  if (unit === 'second') return secondFields(cursor, count, window)
  const step = count * (unit === 'hour' ? 3600 : 60)
  if (minutes.length > 0 && (unit !== 'hour' || !Number.isInteger(count)))
    throw cursor.misread('says a minute beside a step that is not whole hours', ['every hour at :15'], 0)
  if (step > 86_400)
    throw cursor.misread('is more than a day, and cannot keep to some days', ['every 2 days at 9am'], 0)
  if (!window && startingAt === null) return wholeDayFields({ step, unit, minutes })
  const from = window?.from ?? startingAt ?? 0
  const to = window ? (window.to > from ? window.to : window.to + 86_400) : cyclic(from, step)
  // the last hour is meant itself ("every hour from 9 to 17"), the last minute is not ("every 15 minutes between 9 and 17")
  const isIncluded = unit === 'hour' && window !== null
  const list: number[] = []
  for (let time = from; time < to || (isIncluded && time === to); time += step) {
    for (const minute of minutes.length > 0 ? minutes : [0]) {
      if (time - (time % 3600) + minute * 60 < to || minutes.length === 0)
        list.push((time + minute * 60) % 86_400)
    }
  }
  return timeFields(list)
}

/** Steps that fill a day go round the clock from their start; others begin again at it. */
function cyclic(from: number, step: number): number {
  return 86_400 % step === 0 ? from + 86_400 : 86_400
}

function wholeDayFields({
  step,
  unit,
  minutes,
}: {
  step: number
  unit: string
  minutes: number[]
}): string[] {
  const hours = step / 3600
  if (unit === 'hour' && Number.isInteger(hours) && 24 % hours === 0) {
    const minute = fieldText(minutes.length > 0 ? minutes : [0], { size: 60 })
    return [`${minute} ${hours === 1 ? '*' : `*/${hours}`}`]
  }
  const list = Array.from({ length: Math.ceil(86_400 / step) }, (_, index) => index * step)
  return timeFields(
    minutes.length > 0 ? list.flatMap((time) => minutes.map((minute) => time + minute * 60)) : list,
  )
}

function secondFields(cursor: Cursor, count: number, window: Frame['window']): string[] {
  if (60 % count !== 0 || (window && (window.from % 3600 || window.to % 3600)))
    throw cursor.misread(
      'seconds fit into whole minutes and hours only',
      ['every 30 seconds between 9am and 5pm'],
      0,
    )
  const last = window && (window.to > window.from ? window.to : window.to + 86_400)
  const hours = window
    ? Array.from(
        { length: ((last ?? 0) - window.from) / 3600 },
        (_, index) => (window.from / 3600 + index) % 24,
      )
    : []
  return [`${count === 1 ? '*' : `*/${count}`} * ${window ? fieldText(hours, { size: 24 }) : '*'}`]
}
