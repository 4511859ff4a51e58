import { type Day, dayMs, dayOf } from './day.ts'
import type { Times } from './times.ts'

/**
 * The local times that a rule names, on a calendar without clock changes. Local times are in ms as if they were
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

/** Which times each day has. `mayIn`: false for a month without any; left out: every month may have some. */
export type DayRule = {
  timesOn(day: Day): Times | null
  mayIn?(day: Day): boolean
}

/**
 * No search goes further than this from where it begins. The rarest day that a rule can name, 29 February on a given
 * weekday, comes every 40 years at worst, and steps have at most 100 years.
 */
const farthestDays = 55_000

/**
 * Times of the day are numbered 0, 1, 2 … in the order in which they come, so that the next, the previous and the
 * number between two are one look-up each; only days are walked, and months that are not named are jumped over.
 */
export function createCalendar(rule: DayRule): Calendar {
  function firstFrom(local: number, limit: number): number | null {
    const number = Math.floor(local / dayMs)
    let day = dayOf(number)
    let times = rule.timesOn(day)
    if (times) {
      const index = times.countBefore(Math.ceil((local - number * dayMs) / 1000))
      if (index < times.perDay) return within(number * dayMs + times.at(index) * 1000, limit)
    }
    for (day = stepForward(rule, day); day.number * dayMs < limit; day = stepForward(rule, day)) {
      times = rule.timesOn(day)
      if (times) return within(day.number * dayMs + times.at(0) * 1000, limit)
      if (day.number - number > farthestDays) return null
    }
    return null
  }

  function lastUpTo(local: number, limit: number): number | null {
    const notBefore = (time: number) => (time >= limit ? time : null)
    const number = Math.floor(local / dayMs)
    let day = dayOf(number)
    let times = rule.timesOn(day)
    if (times) {
      const index = times.countBefore(Math.floor((local - number * dayMs) / 1000) + 1) - 1
      if (index >= 0) return notBefore(number * dayMs + times.at(index) * 1000)
    }
    for (day = stepBack(rule, day); (day.number + 1) * dayMs > limit; day = stepBack(rule, day)) {
      times = rule.timesOn(day)
      if (times) return notBefore(day.number * dayMs + times.at(times.perDay - 1) * 1000)
      if (number - day.number > farthestDays) return null
    }
    return null
  }

  function count(from: number, until: number): number {
    if (from >= until) return 0
    const lastDay = Math.floor(until / dayMs)
    const upTo = (day: Day, local: number) =>
      rule.timesOn(day)?.countBefore(Math.ceil((local - day.number * dayMs) / 1000)) ?? 0
    let day = dayOf(Math.floor(from / dayMs))
    let total = upTo(dayOf(lastDay), until) - upTo(day, from)
    for (; day.number < lastDay; day = stepForward(rule, day)) total += rule.timesOn(day)?.perDay ?? 0
    return total
  }

  return { firstFrom, lastUpTo, count }
}

/** The part of the calendar that lies between two local times, both inclusive. */
export function clip(calendar: Calendar, { from, until }: { from: number; until: number }): Calendar {
  const end = until + 1
  return {
    firstFrom: (local, limit) =>
      local >= end ? null : calendar.firstFrom(Math.max(local, from), Math.min(limit, end)),
    lastUpTo: (local, limit) =>
      local < from ? null : calendar.lastUpTo(Math.min(local, until), Math.max(limit, from)),
    count: (start, stop) => calendar.count(Math.max(start, from), Math.min(stop, end)),
  }
}

function within(time: number, limit: number): number | null {
  return time < limit ? time : null
}

function stepForward(rule: DayRule, day: Day): Day {
  const mayIn = rule.mayIn?.(day) ?? true
  return dayOf(mayIn ? day.number + 1 : day.number + day.monthLength - day.date + 1)
}

function stepBack(rule: DayRule, day: Day): Day {
  return dayOf((rule.mayIn?.(day) ?? true) ? day.number - 1 : day.number - day.date)
}
