import { fieldText, timeFields } from './fields-text.ts'
import { firstInstantAt } from './instant.ts'
import { timeOf } from './local.ts'
import { Misread } from './misread.ts'
import type { At, Resolved } from './resolved.ts'
import { daysOfRule } from './rrule-days.ts'
import { type Recurrence, readRuleParts } from './rrule-parts.ts'
import { stepsText } from './steps.ts'

/**
 * A recurrence rule of iCalendar (RFC 5545), with or without `RRULE:` and with a `DTSTART` before it. Null: not one.
 *
 * @throws Misread: names the part that is not supported
 */
export function readRecurrence(text: string, at: At): Resolved | null {
  const found = readRuleParts(text, at)
  if (!found) return null
  const { freq, interval, start, isStarted } = found
  const { left, more } = found
  if (freq === 'HOURLY' || freq === 'MINUTELY' || freq === 'SECONDLY') {
    if (left.length + more.length > 0)
      throw new Misread(left.length > 0 ? 'EXDATE' : 'RDATE', `is not supported in FREQ=${freq}`)
    return readShort(found, at)
  }
  if (more.length > 0 && (found.until !== null || found.count !== null))
    throw new Misread('RDATE', 'is not supported beside UNTIL or COUNT')
  const times = timesOf(found)
  if (found.by.BYSETPOS && times.length > 1)
    throw new Misread('BYSETPOS', 'is not supported with more than one time of day')
  const isMonths = freq === 'MONTHLY' || freq === 'YEARLY'
  const rules =
    interval === 1 || isMonths
      ? timeFields(times).flatMap((time) => daysOfRule(found).map((days) => withYears(time, days, found)))
      : stepRules(found, times)
  return {
    kind: 'rules',
    rules: [
      ...rules,
      ...more.map((day) =>
        day.includes('T') ? day : `${day}T${start.toPlainTime().toString({ smallestUnit: 'second' })}`,
      ),
    ],
    except: [...exceptOf(found), ...(left.length > 0 ? [left.join(',')] : [])],
    ...(isStarted && { from: start.toString({ smallestUnit: 'second' }) }),
    ...(found.until && { until: found.until }),
    ...(found.count !== null && { count: found.count }),
  }
}

function timesOf({ by, start }: Recurrence): number[] {
  const hours = by.BYHOUR ?? [start.hour]
  const minutes = by.BYMINUTE ?? [start.minute]
  const seconds = by.BYSECOND ?? [start.second]
  const times = hours.flatMap((hour) =>
    minutes.flatMap((minute) => seconds.map((second) => hour * 3600 + minute * 60 + second)),
  )
  return [...new Set(times)].toSorted((a, b) => a - b)
}

/** Every so many years: the year field of seven. */
function withYears(time: string, days: string, { freq, interval, start }: Recurrence): string {
  if (freq !== 'YEARLY' || interval === 1) return `${time} ${days}`
  const six = time.split(' ').length === 2 ? `0 ${time}` : time
  return `${six} ${days} ${start.year}-2199/${interval}`
}

/** Dates and plain weekdays both have to match, and cron takes either: the other weekdays are left out. */
function exceptOf({ by, weekdays }: Recurrence): string[] {
  const plain = weekdays.filter(({ place }) => place === null).map(({ weekday }) => weekday)
  if (plain.length === 0 || !by.BYMONTHDAY) return []
  const others = [0, 1, 2, 3, 4, 5, 6].filter((day) => !plain.includes(day))
  return others.length === 0 ? [] : [`* * * * * ${fieldText(others, { size: 7 })}`]
}

/** Every so many days or weeks. */
function stepRules(
  { freq, interval, by, weekdays, start, weekStart }: Recurrence,
  times: number[],
): string[] {
  const clash =
    (['BYMONTH', 'BYMONTHDAY'] as const).find((name) => by[name]) ??
    (freq === 'DAILY' && weekdays.length > 0 ? 'BYDAY' : undefined)
  if (clash) throw new Misread(clash, `is not supported beside INTERVAL in FREQ=${freq}`)
  const day = start.toPlainDate()
  const at = (date: Temporal.PlainDate, time: number) =>
    date.toPlainDateTime(timeOf(time)).toString({ smallestUnit: 'second' })
  if (freq === 'DAILY')
    return times.map((time) => stepsText({ every: interval, unit: 'day', first: at(day, time) }))
  const days = weekdays.length > 0 ? weekdays.map(({ weekday }) => weekday) : [day.dayOfWeek % 7]
  const firstOfWeek = day.subtract({ days: ((day.dayOfWeek % 7) - weekStart + 7) % 7 })
  return days.flatMap((weekday) => {
    const first = firstOfWeek.add({ days: (weekday - weekStart + 7) % 7 })
    return times.map((time) => stepsText({ every: interval, unit: 'week', first: at(first, time) }))
  })
}

/** Steps of elapsed time, and minutes of every hour. */
function readShort(found: Recurrence, { zone }: At): Resolved {
  const { freq, interval, by, start, isStarted } = found
  const clash =
    Object.keys(by).find((name) => freq !== 'HOURLY' || interval !== 1 || name !== 'BYMINUTE') ??
    (found.weekdays.length > 0 ? 'BYDAY' : undefined)
  if (clash) throw new Misread(clash, `is not supported in FREQ=${freq}`)
  const bound = found.count !== null ? 'COUNT' : found.until ? 'UNTIL' : null
  if (by.BYMINUTE) return { kind: 'rules', rules: [`${by.BYMINUTE.join(',')} * * * *`], except: [] }
  if (bound)
    throw new Misread(bound, `is not supported in FREQ=${freq}; give the job \`repeat\` or \`ends_at\``)
  const everyMs = interval * { HOURLY: 3_600_000, MINUTELY: 60_000, SECONDLY: 1000 }[freq as 'HOURLY']
  const from = isStarted
    ? { from: new Date(firstInstantAt(start, zone).epochMilliseconds).toISOString() }
    : {}
  return { kind: 'interval', everyMs, ...from }
}
