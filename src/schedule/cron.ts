import { CronPattern } from 'croner'
import { AppError } from '../errors.ts'

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
  lastDayOfMonth: boolean
  /** Day of month and day of week are both restricted: either one matches (crontab(5)). */
  eitherDay: boolean
  everyDay: boolean
  everyWeekday: boolean
  /** The minute or the hour has a `*`: the schedule runs straight through clock changes. */
  runsThrough: boolean
}

/**
 * Reads cron of five fields, or six with seconds first, or one of `@hourly`, `@daily`, `@midnight`, `@weekly`,
 * `@monthly`, `@yearly`, `@annually`. Of the extensions only `L` as a day of the month is read; `?`, `#` and `W` are refused.
 *
 * @throws AppError SCHEDULE_INVALID: cannot be read, or no date can ever match (30 February).
 */
export function readCron(expr: string): CronFields {
  const parts = expandNickname(expr).split(/ +/)
  const refuse = (why: string, cause?: unknown) =>
    new AppError(
      'SCHEDULE_INVALID',
      `The cron expression ${JSON.stringify(expr)} was given: ${why}; ${expected}`,
      { cause },
    )
  if (parts.length < 5 || parts.length > 6) throw refuse(`it has ${parts.length} fields`)
  const [day, weekday] = [parts.at(-3) ?? '', parts.at(-1) ?? '']
  refuseExtensions(parts, refuse)
  const pattern = readPattern(parts.join(' '), refuse)
  const fields: CronFields = {
    seconds: namedBy(pattern.second),
    minutes: namedBy(pattern.minute),
    hours: namedBy(pattern.hour),
    days: [false, ...pattern.day.map(Boolean)],
    months: [false, ...pattern.month.map(Boolean)],
    weekdays: pattern.dayOfWeek.map(Boolean),
    lastDayOfMonth: pattern.lastDayOfMonth,
    everyDay: day === '*',
    everyWeekday: weekday === '*',
    eitherDay: day !== '*' && weekday !== '*',
    runsThrough: [parts.at(-5), parts.at(-4)].some(
      (part = '') => part.startsWith('*') || part.includes(',*'),
    ),
  }
  if (!everMatches(fields)) throw refuse('no month has such a day')
  return fields
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
])

const expected =
  'expected five fields (minute hour day month weekday), or six with seconds first, of numbers, names, *, lists, ranges and steps'

function refuseExtensions(parts: string[], refuse: (why: string) => AppError): void {
  parts.forEach((part, index) => {
    if (!/^[\da-z*,/-]+$/i.test(part))
      throw refuse(`the field ${JSON.stringify(part)} has a sign that is not read here`)
    const isDay = index === parts.length - 3
    for (const item of part.toUpperCase().split(',')) {
      // Names of months and weekdays have three letters; L and W stand alone or follow a number.
      const letters = item.match(/[A-Z]+/g)?.filter((word) => word.length !== 3) ?? []
      if (letters.length > 0 && !(isDay && item === 'L'))
        throw refuse(`${JSON.stringify(item)} is not read here`)
    }
  })
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

/** False for dates such as 30 February or 31 April, so that nobody searches for them. */
function everMatches(fields: CronFields): boolean {
  if (fields.everyDay || fields.eitherDay || fields.lastDayOfMonth) return true
  const firstDay = fields.days.indexOf(true)
  return fields.months.some((named, month) => named && firstDay <= mostDaysIn(month))
}

/** Most days that a month (1–12) can have. */
function mostDaysIn(month: number): number {
  if (month === 2) return 29
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}
