import type { CronFields } from './cron.ts'

/**
 * The local times that cron fields name, on a calendar without clock changes. Local times are in ms as if they were
 * UTC, always whole seconds.
 */
export type Calendar = {
  /** The first named time at or after `local` and before `limit`; null: none. */
  firstFrom(local: number, limit: number): number | null
  /** The last named time at or before `local` and not before `limit`; null: none. */
  lastUpTo(local: number, limit: number): number | null
  /** How many named times are at or after `from` and before `until`. */
  count(from: number, until: number): number
}

/**
 * Times of the day are numbered 0, 1, 2 … in the order in which they come, so that the next, the previous and the
 * number between two are one look-up each; only days are walked, and months that are not named are jumped over.
 */
export function createCalendar(fields: CronFields): Calendar {
  const times = createTimesOfDay(fields)

  function firstFrom(local: number, limit: number): number | null {
    const day = Math.floor(local / dayMs)
    if (isNamed(fields, day)) {
      const index = times.countBefore(Math.ceil((local - day * dayMs) / 1000))
      if (index < times.perDay) return within(day * dayMs + times.at(index) * 1000, limit)
    }
    for (let next = stepForward(fields, day); next * dayMs < limit; next = stepForward(fields, next)) {
      if (isNamed(fields, next)) return within(next * dayMs + times.at(0) * 1000, limit)
    }
    return null
  }

  function lastUpTo(local: number, limit: number): number | null {
    const notBefore = (time: number) => (time >= limit ? time : null)
    const day = Math.floor(local / dayMs)
    if (isNamed(fields, day)) {
      const index = times.countBefore(Math.floor((local - day * dayMs) / 1000) + 1) - 1
      if (index >= 0) return notBefore(day * dayMs + times.at(index) * 1000)
    }
    for (let next = stepBack(fields, day); (next + 1) * dayMs > limit; next = stepBack(fields, next)) {
      if (isNamed(fields, next)) return notBefore(next * dayMs + times.at(times.perDay - 1) * 1000)
    }
    return null
  }

  function count(from: number, until: number): number {
    if (from >= until) return 0
    const firstDay = Math.floor(from / dayMs)
    const lastDay = Math.floor(until / dayMs)
    const upTo = (day: number, local: number) =>
      isNamed(fields, day) ? times.countBefore(Math.ceil((local - day * dayMs) / 1000)) : 0
    let total = upTo(lastDay, until) - upTo(firstDay, from)
    for (let day = firstDay; day < lastDay; day = stepForward(fields, day)) {
      if (isNamed(fields, day)) total += times.perDay
    }
    return total
  }

  return { firstFrom, lastUpTo, count }
}

const dayMs = 86_400_000

function within(time: number, limit: number): number | null {
  return time < limit ? time : null
}

function createTimesOfDay({ hours, minutes, seconds }: CronFields) {
  const hoursBelow = countsBelow(hours, 24)
  const minutesBelow = countsBelow(minutes, 60)
  const secondsBelow = countsBelow(seconds, 60)
  const perHour = minutes.length * seconds.length
  return {
    perDay: hours.length * perHour,
    /** The time of day numbered `index`, in seconds. */
    at(index: number): number {
      const hour = hours[Math.floor(index / perHour)] ?? 0
      const minute = minutes[Math.floor(index / seconds.length) % minutes.length] ?? 0
      return hour * 3600 + minute * 60 + (seconds[index % seconds.length] ?? 0)
    },
    /** How many times of the day come before `time` (seconds, up to and including 86400). */
    countBefore(time: number): number {
      const hour = Math.floor(time / 3600)
      const minute = Math.floor(time / 60) % 60
      const before = below(hoursBelow, hour) * perHour
      if (below(hoursBelow, hour) === below(hoursBelow, hour + 1)) return before
      const beforeInHour = before + below(minutesBelow, minute) * seconds.length
      if (below(minutesBelow, minute) === below(minutesBelow, minute + 1)) return beforeInHour
      return beforeInHour + below(secondsBelow, time % 60)
    },
  }
}

/** At `value`: how many of `values` are smaller. */
function countsBelow(values: number[], size: number): number[] {
  return Array.from({ length: size + 1 }, (_, limit) => values.filter((value) => value < limit).length)
}

function below(counts: number[], value: number): number {
  return counts[value] ?? counts.at(-1) ?? 0
}

function isNamed(fields: CronFields, day: number): boolean {
  const date = new Date(day * dayMs)
  if (!fields.months[date.getUTCMonth() + 1]) return false
  const byDay =
    fields.days[date.getUTCDate()] || (fields.lastDayOfMonth && date.getUTCDate() === daysInMonth(date))
  const byWeekday = fields.weekdays[date.getUTCDay()]
  return Boolean(fields.eitherDay ? byDay || byWeekday : byDay && byWeekday)
}

function stepForward(fields: CronFields, day: number): number {
  const date = new Date(day * dayMs)
  if (fields.months[date.getUTCMonth() + 1]) return day + 1
  return day + daysInMonth(date) - date.getUTCDate() + 1
}

function stepBack(fields: CronFields, day: number): number {
  const date = new Date(day * dayMs)
  return fields.months[date.getUTCMonth() + 1] ? day - 1 : day - date.getUTCDate()
}

function daysInMonth(date: Date): number {
  return new Date(Date.UTC(2000 + (date.getUTCFullYear() % 400), date.getUTCMonth() + 1, 0)).getUTCDate()
}
