import type { Compiled, Group } from './expr.ts'
import { type Stretch, stretchAt } from './zone.ts'

// Wake times lie up to weeks after their slots, and Postgres takes no ISO 8601 text of a year after 9999.
export const instantLimit = Date.UTC(9999, 0, 1)

/** As far as a calendar searches (calendar.ts): whatever a rule names comes sooner. */
const farthestMs = 55_000 * 86_400_000

/** `after` exclusive, `until` inclusive; in ms. */
type Span = { after: number; until: number }

/** The first instant after `after` at which the zone's clock shows a time of the group; null: none. */
export function nextOf(group: Group, zone: string, after: number): number | null {
  const last = Math.min(instantLimit, after + farthestMs)
  for (let from = after + 1; from <= last; ) {
    const stretch = stretchAt(zone, from)
    if (stretch.from >= from && makesUpAtStart(group, stretch)) return stretch.from
    const start = Math.max(from + stretch.offsetMs, firstPassingFrom(group, stretch))
    const local = group.calendar.firstFrom(start, lastPassingUntil(group, stretch))
    if (local !== null) return local - stretch.offsetMs
    from = stretch.until
  }
  return null
}

/** The last such instant of the span; null: none. */
export function latestOf(group: Group, zone: string, { after, until }: Span): number | null {
  for (let upTo = Math.min(until, instantLimit); upTo > after; ) {
    const stretch = stretchAt(zone, upTo)
    const earliest = Math.max(after + 1 + stretch.offsetMs, firstPassingFrom(group, stretch))
    const end = lastPassingUntil(group, stretch)
    const local = group.calendar.lastUpTo(Math.min(upTo + stretch.offsetMs, end - 1), earliest)
    if (local !== null) return local - stretch.offsetMs
    if (stretch.from > after && makesUpAtStart(group, stretch)) return stretch.from
    upTo = stretch.from - 1
  }
  return null
}

/** How many there are of all groups together; an instant that two of them name counts once. */
export function countOf({ groups, all }: Compiled, zone: string, span: Span): number {
  const [only] = groups
  if (only && groups.length === 1) return countOfGroup(only, zone, span)
  const last = Math.min(span.until, instantLimit)
  let total = 0
  for (let from = span.after + 1; from <= last; ) {
    const stretch = stretchAt(zone, from)
    // near a clock change the groups differ, and their instants are gone through; elsewhere they do not
    const differFrom = Math.max(stretch.from, stretch.previousLocalEnd - stretch.offsetMs, stretch.from + 1)
    const differUntil = Math.min(stretch.until, stretch.nextLocalStart - stretch.offsetMs)
    const end = Math.min(last + 1, stretch.until)
    const walked = (a: number, b: number) =>
      a < b ? countWalked(groups, zone, { after: a - 1, until: b - 1 }) : 0
    const first = Math.min(end, Math.max(from, Number.isFinite(differFrom) ? differFrom : from))
    const second = Math.min(end, Math.max(first, differUntil))
    total += walked(from, first)
    total += all.count(first + stretch.offsetMs, second + stretch.offsetMs)
    total += walked(second, end)
    from = stretch.until
  }
  return total
}

function countOfGroup(group: Group, zone: string, { after, until }: Span): number {
  const last = Math.min(until, instantLimit)
  let total = 0
  for (let from = after + 1; from <= last; ) {
    const stretch = stretchAt(zone, from)
    const start = Math.max(from + stretch.offsetMs, firstPassingFrom(group, stretch))
    const end = Math.min(last + 1 + stretch.offsetMs, lastPassingUntil(group, stretch))
    total += group.calendar.count(start, end)
    if (stretch.from >= from && makesUpAtStart(group, stretch)) total += 1
    from = stretch.until
  }
  return total
}

function countWalked(groups: Group[], zone: string, { after, until }: Span): number {
  const nexts = groups.map((group) => nextOf(group, zone, after) ?? Infinity)
  let total = 0
  for (let at = Math.min(...nexts); at <= until; at = Math.min(...nexts)) {
    total += 1
    for (const [index, group] of groups.entries()) {
      if (nexts[index] === at) nexts[index] = nextOf(group, zone, at) ?? Infinity
    }
  }
  return total
}

/** The local time from which on the stretch's clock shows times that it has not shown before, if that matters. */
function firstPassingFrom({ repeated }: Group, stretch: Stretch): number {
  const localStart = stretch.from + stretch.offsetMs
  return repeated === 'first' ? Math.max(localStart, stretch.previousLocalEnd) : localStart
}

/** The local time up to which (exclusive) the stretch's clock shows times that it will not show again, if that matters. */
function lastPassingUntil({ repeated }: Group, stretch: Stretch): number {
  const localEnd = Math.min(stretch.until, instantLimit) + stretch.offsetMs
  return repeated === 'second' ? Math.min(localEnd, stretch.nextLocalStart) : localEnd
}

/** Whether a slot was skipped by the clock change that opens this stretch, and is due at its first instant. */
function makesUpAtStart({ skipped, calendar }: Group, stretch: Stretch): boolean {
  const localStart = stretch.from + stretch.offsetMs
  if (skipped === 'skip' || stretch.previousLocalEnd >= localStart || stretch.from === -Infinity) return false
  if (calendar.firstFrom(localStart, localStart + 1) !== null) return false
  return calendar.firstFrom(stretch.previousLocalEnd, localStart) !== null
}
