import { CronPattern } from 'croner'
import { AppError } from '../ground/errors.ts'
import { counted } from '../ground/words.ts'
import { type SpecialDays, takeSpecialDays } from './cron-days.ts'
import { readYears } from './cron-years.ts'
import type { Day } from './day.ts'

/** A cron expression as sets of numbers. */
export type CronFields = {
  /** In the order in which they come. */
  seconds: number[]
  minutes: number[]
  hours: number[]
  /** By number, months from 1, weekdays from 0 = Sunday; true: named by the field. */
  days: boolean[]
  months: boolean[]
  weekdays: boolean[]
  /** `L`, `15W`, `1#1` and their like; null: none, as in nearly all expressions. */
  special: SpecialDays | null
  /** Null: every year. */
  years: Set<number> | null
  /**
   * A day has to match the day of month or the weekday; false: both of them. As crontab(5) of Debian and cronie: a
   * field that begins with `*` restricts nothing by itself, whatever follows the `*`, so then both have to match.
   */
  eitherDay: boolean
  /** The field is a bare `*`. */
  everyDay: boolean
  everyWeekday: boolean
  /** The minute or the hour has a `*`: the schedule runs straight through clock changes. */
  runsThrough: boolean
}

/**
 * Reads cron of five fields, six with seconds first, or seven with a year last, or a nickname such as `@daily`.
 *
 * @throws AppError SCHEDULE_INVALID: cannot be read, or no date can ever match (30 February).
 */
export function readCron(expr: string): CronFields {
  const written = expandNickname(expr).split(/ +/)
  const refuse = (why: string, cause?: unknown) =>
    new AppError(
      'SCHEDULE_INVALID',
      `The cron expression ${JSON.stringify(expr)} is invalid: ${why}. ${cronForm}`,
      { cause },
    )
  if (expr.startsWith('@') && written.length === 1) throw unknownNickname(expr)
  if (written.length < 5 || written.length > 7) throw refuse(`it has ${counted(written.length, 'field')}`)
  const years = written.length === 7 ? readYears(written[6] ?? '', refuse) : null
  const plain = written.slice(0, 6).map((part) => (part === '?' ? '*' : part))
  const parts = written.length > 5 ? plain.map(openStep) : plain
  const [day = '', weekday = ''] = [parts.at(-3), parts.at(-1)]
  const taken = takeSpecialDays(parts, refuse)
  refuseExtensions(taken.parts, refuse)
  refuseOutOfRange(expr, taken.parts)
  const pattern = readPattern(taken.parts.join(' '), refuse)
  const only = (flags: number[], isThere: boolean) => (isThere ? flags.map(Boolean) : flags.map(() => false))
  const fields: CronFields = {
    seconds: namedBy(pattern.second),
    minutes: namedBy(pattern.minute),
    hours: namedBy(pattern.hour),
    days: [false, ...only(pattern.day, taken.hasDays)],
    months: [false, ...pattern.month.map(Boolean)],
    weekdays: only(pattern.dayOfWeek, taken.hasWeekdays),
    special: taken.special,
    years,
    everyDay: day === '*',
    everyWeekday: weekday === '*',
    eitherDay: !day.startsWith('*') && !weekday.startsWith('*'),
    runsThrough: [parts.at(-5), parts.at(-4)].some(
      (part = '') => part.startsWith('*') || part.includes(',*'),
    ),
  }
  if (!everMatches(fields)) throw refuse('no month has that day')
  return fields
}

const lasts = [59, 59, 23, 31, 12, 6]

/** `0/15` of Quartz, Spring and their like, which have seconds: from 0 to the end of the field. */
function openStep(part: string, field: number): string {
  const isTime = field < 3
  return (isTime ? part.replaceAll(/(^|,)0\/(?=\d)/g, '$1*/') : part).replaceAll(
    /(^|,)(\d+)\/(\d+)(?=,|$)/g,
    `$1$2-${lasts[field]}/$3`,
  )
}

/** Whether the fields name the day. */
export function namesDay(fields: CronFields, day: Day): boolean {
  if (!fields.months[day.month] || (fields.years !== null && !fields.years.has(day.year))) return false
  const byDate = fields.days[day.date] || fields.special?.byDate(day)
  const byWeekday = fields.weekdays[day.weekday] || fields.special?.byWeekday(day)
  return Boolean(fields.eitherDay ? byDate || byWeekday : byDate && byWeekday)
}

/** The fields that a nickname such as `@daily` stands for; other text unchanged. */
export function expandNickname(text: string): string {
  return nicknames.get(text.toLowerCase()) ?? text
}

const nicknames = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
  ['@quarterly', '0 0 1 1,4,7,10 *'],
  // FreeBSD's crontab(5)
  ['@every_minute', '* * * * *'],
  ['@every_second', '* * * * * *'],
])

function unknownNickname(text: string): AppError {
  const known = [...nicknames.keys()].join(', ')
  return new AppError(
    'SCHEDULE_INVALID',
    `The schedule ${JSON.stringify(text)} is not a known nickname. Use one of ${known}, or "@every" with a duration.`,
  )
}

const cronForm =
  'Use five fields (minute hour day month weekday), six with seconds first, or seven with a year last, of numbers, names, *, lists, ranges and steps.'

function refuseExtensions(parts: string[], refuse: (why: string) => AppError): void {
  for (const part of parts) {
    if (!/^[\da-z*,/-]+$/i.test(part))
      throw refuse(`the field ${JSON.stringify(part)} has a character that is not supported`)
    for (const item of part.toUpperCase().split(',')) {
      if (/^\d+\/\d+$/.test(item))
        throw refuse(`${JSON.stringify(item)} is read differently by crons of five fields; write the end too`)
      // Names of months and weekdays have three letters.
      const letters = item.match(/[A-Z]+/g)?.filter((word) => word.length !== 3) ?? []
      if (letters.length > 0) throw refuse(`${JSON.stringify(item)} is not supported`)
    }
  }
}

/** From the last field backwards, as seconds are optional. `most` of weekdays: 7 is Sunday too. */
const ranges = [
  { field: 'weekday', least: 0, most: 7, steps: 7 },
  { field: 'month', least: 1, most: 12, steps: 12 },
  { field: 'day of month', least: 1, most: 31, steps: 31 },
  { field: 'hour', least: 0, most: 23, steps: 24 },
  { field: 'minute', least: 0, most: 59, steps: 60 },
  { field: 'second', least: 0, most: 59, steps: 60 },
]

/** croner counts days and months from 0 in its messages, and names no range. */
function refuseOutOfRange(expr: string, parts: string[]): void {
  const fields = parts.toReversed().map((part, index) => ({ part, range: ranges[index] }))
  for (const { part, range } of fields.toReversed()) {
    if (!range) continue
    const { field, least, most, steps } = range
    for (const item of part.split(',')) {
      const [span = '', step] = item.split('/')
      const wrong = span.match(/\d+/g)?.find((text) => Number(text) < least || Number(text) > most)
      if (wrong !== undefined) throw outOfRange(expr, `${field} ${wrong}`, `${least} to ${most}`)
      if (step !== undefined && /^\d+$/.test(step) && (Number(step) < 1 || Number(step) > steps))
        throw outOfRange(expr, `step ${step} of the ${field}`, `1 to ${steps}`)
    }
  }
}

function outOfRange(expr: string, given: string, allowed: string): AppError {
  return new AppError(
    'SCHEDULE_INVALID',
    `The cron expression ${JSON.stringify(expr)} is invalid: ${given} is out of range (${allowed}).`,
  )
}

function readPattern(expr: string, refuse: (why: string, cause?: unknown) => AppError): CronPattern {
  try {
    return new CronPattern(expr, undefined, { mode: '5-or-6-parts' })
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error
    throw refuse(error.message.replace(/^CronPattern: /, ''), error)
  }
}

function namedBy(flags: number[]): number[] {
  return flags.flatMap((flag, value) => (flag ? [value] : []))
}

/** False for dates such as 30 February or 31 April, so that no search for them begins. */
function everMatches(fields: CronFields): boolean {
  if (fields.everyDay || fields.eitherDay || fields.special?.hasDates) return true
  const firstDay = fields.days.indexOf(true)
  return fields.months.some((named, month) => named && firstDay <= mostDaysIn(month))
}

/** Most days that a month (1–12) can have. */
function mostDaysIn(month: number): number {
  if (month === 2) return 29
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}
