import fc from 'fast-check'

/** A random cron expression together with what it means, so that a test need not read the text. */
export type Expression = {
  text: string
  /** The same without naming a value twice in one field, which cron-parser refuses. */
  textWithoutRepeats: string
  minutes: Set<number>
  hours: Set<number>
  days: Set<number>
  months: Set<number>
  weekdays: Set<number>
  lastDay: boolean
  runsThrough: boolean
  /** Neither day field begins with `*`: either matches. */
  eitherDay: boolean
  /** Both day fields say something, and one of them begins with `*`: both match. cron-parser does otherwise. */
  bothDays: boolean
}

/** `star`: there is one in it; `led`: it begins with one. */
type Field = { text: string; values: number[]; star: boolean; led: boolean }

/**
 * Expressions of five fields, of lists, ranges and steps. Every time of day is as likely as any other, so that the
 * hours in which clocks change are met often; days and months are mostly `*`.
 */
export function expressions(): fc.Arbitrary<Expression> {
  return fc
    .record({
      minute: field({ low: 0, high: 59, stars: 1 }),
      hour: field({ low: 0, high: 23, stars: 2 }),
      day: fc.oneof(
        { weight: 1, arbitrary: fc.constant<Field>({ text: 'L', values: [], star: false, led: false }) },
        { weight: 12, arbitrary: field({ low: 1, high: 31, stars: 20 }) },
      ),
      month: field({ low: 1, high: 12, stars: 40 }),
      weekday: field({ low: 0, high: 6, stars: 20 }),
    })
    .map(({ minute, hour, day, month, weekday }) => ({
      text: [minute, hour, day, month, weekday].map(({ text }) => text).join(' '),
      textWithoutRepeats: [minute, hour, day, month, weekday].map(withoutRepeats).join(' '),
      minutes: new Set(minute.values),
      hours: new Set(hour.values),
      days: new Set(day.values),
      months: new Set(month.values),
      weekdays: new Set(weekday.values),
      lastDay: day.text === 'L',
      runsThrough: minute.star || hour.star,
      eitherDay: !day.led && !weekday.led,
      bothDays: day.text !== '*' && weekday.text !== '*' && (day.led || weekday.led),
    }))
}

/** Whether the expression names this local minute. Reads no text and knows no clock changes. */
export function names(expression: Expression, local: LocalMinute): boolean {
  if (!expression.minutes.has(local.minute) || !expression.hours.has(local.hour)) return false
  if (!expression.months.has(local.month)) return false
  const byDay = expression.days.has(local.day) || (expression.lastDay && local.day === local.daysInMonth)
  const byWeekday = expression.weekdays.has(local.dayOfWeek % 7)
  return expression.eitherDay ? byDay || byWeekday : byDay && byWeekday
}

/** As in Temporal: weekdays from 1 = Monday to 7 = Sunday. */
type LocalMinute = Pick<
  Temporal.PlainDateTime,
  'minute' | 'hour' | 'day' | 'month' | 'dayOfWeek' | 'daysInMonth'
>

function field({ low, high, stars }: { low: number; high: number; stars: number }): fc.Arbitrary<Field> {
  const value = fc.integer({ min: low, max: high })
  const size = high - low + 1
  const single = value.map((one) => ({ text: String(one), values: [one] }))
  const range = fc.tuple(value, value, fc.integer({ min: 1, max: 5 })).map(([a, b, step]) => {
    const [from, to] = [Math.min(a, b), Math.max(a, b)]
    return { text: `${from}-${to}${step > 1 ? `/${step}` : ''}`, values: every({ from, to, step }) }
  })
  const list = fc.array(fc.oneof(single, range), { minLength: 1, maxLength: 3 }).map((items) => ({
    text: items.map(({ text }) => text).join(','),
    values: items.flatMap(({ values }) => values),
    ...{ star: false, led: false },
  }))
  const starred = fc.integer({ min: 2, max: Math.min(size, 30) }).map((step) => ({
    text: `*/${step}`,
    values: every({ from: low, to: high, step }),
    ...{ star: true, led: true },
  }))
  const all = every({ from: low, to: high, step: 1 })
  const star = fc.constant({ text: '*', values: all, star: true, led: true })
  // a list with a step in it: where the `*` stands decides whether it leads
  const mixed = fc.tuple(starred, list, fc.boolean()).map(([stepped, other, isFirst]) => ({
    text: isFirst ? `${stepped.text},${other.text}` : `${other.text},${stepped.text}`,
    values: [...stepped.values, ...other.values],
    ...{ star: true, led: isFirst },
  }))
  return fc.oneof(
    { weight: stars, arbitrary: star },
    { weight: 2, arbitrary: starred },
    { weight: 1, arbitrary: mixed },
    { weight: 5, arbitrary: list },
  )
}

function withoutRepeats({ text, values }: Field): string {
  const unique = new Set(values)
  return unique.size === values.length ? text : [...unique].join(',')
}

function every({ from, to, step }: { from: number; to: number; step: number }): number[] {
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step)
}
