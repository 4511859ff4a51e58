import { type Calendar, createCalendar } from './calendar.ts'
import { type CronFields, readCron } from './cron.ts'
import { type Stretch, stretchAt } from './zone.ts'

/** `display` is the text for people; `everyMs` is a whole number of seconds. */
export type Schedule =
  | { kind: 'cron'; expr: string; display: string }
  | { kind: 'interval'; everyMs: number; display: string }
  | { kind: 'once'; runAt: Date; display: string }
  /** No instant at all: another job's outcome starts it. */
  | { kind: 'after'; display: string }

/**
 * A schedule with all that its instants depend on. `zone`: IANA name that cron is read in. `anchor`: the start of an
 * interval's lattice; its slots are anchor + n × period with n ≥ 1. Cron and one-shots ignore it.
 */
export type Rule = { schedule: Schedule; zone: string; anchor: Date }

/** `after` exclusive, `until` inclusive. */
export type Span = { after: Date; until: Date }

/**
 * The first slot strictly after `after`; null: there is none, ever.
 *
 * Cron: a local time that a clock change skips is due at the first instant after the gap; one that repeats is due
 * once, at its first passing. With a `*` in the minute or the hour the clock change is run through: a skipped time
 * is left out and what repeats runs again (docs/schedules.md, "Clock changes").
 *
 * @throws AppError SCHEDULE_INVALID, TIMEZONE_UNKNOWN: the rule did not come from parseSchedule and checkZone.
 */
export function nextSlot(rule: Rule, after: Date): Date | null {
  const { schedule, anchor } = rule
  if (schedule.kind === 'after') return null
  if (schedule.kind === 'once') return schedule.runAt > after ? schedule.runAt : null
  if (schedule.kind === 'interval') {
    return asDate(anchor.getTime() + (intervalsUpTo(rule, after) + 1) * schedule.everyMs)
  }
  const { calendar, fields } = compiled(schedule.expr)
  for (let from = after.getTime() + 1; from <= instantLimit; ) {
    const stretch = stretchAt(rule.zone, from)
    const makesUp = makesUpAtStart(calendar, fields, stretch)
    if (makesUp && stretch.from >= from) return asDate(stretch.from)
    const start = Math.max(from + stretch.offsetMs, firstPassingFrom(fields, stretch))
    const local = calendar.firstFrom(start, Math.min(stretch.until, instantLimit) + stretch.offsetMs)
    if (local !== null) return asDate(local - stretch.offsetMs)
    from = stretch.until
  }
  return null
}

/** The latest slot of the span; null: none. Its cost does not grow with the slots in between. */
export function latestSlot(rule: Rule, { after, until }: Span): Date | null {
  const { schedule, anchor } = rule
  if (schedule.kind === 'after') return null
  if (schedule.kind === 'once')
    return schedule.runAt > after && schedule.runAt <= until ? schedule.runAt : null
  if (schedule.kind === 'interval') {
    const upToEnd = intervalsUpTo(rule, until)
    return upToEnd > intervalsUpTo(rule, after) ? asDate(anchor.getTime() + upToEnd * schedule.everyMs) : null
  }
  const { calendar, fields } = compiled(schedule.expr)
  for (let upTo = Math.min(until.getTime(), instantLimit); upTo > after.getTime(); ) {
    const stretch = stretchAt(rule.zone, upTo)
    const earliest = Math.max(after.getTime() + 1 + stretch.offsetMs, firstPassingFrom(fields, stretch))
    const local = calendar.lastUpTo(upTo + stretch.offsetMs, earliest)
    if (local !== null) return asDate(local - stretch.offsetMs)
    if (stretch.from > after.getTime() && makesUpAtStart(calendar, fields, stretch))
      return asDate(stretch.from)
    upTo = stretch.from - 1
  }
  return null
}

/** How many slots the span has; its cost grows with the days of the span, not with the slots. */
export function countSlots(rule: Rule, { after, until }: Span): number {
  const { schedule } = rule
  if (until <= after || schedule.kind === 'after') return 0
  if (schedule.kind === 'once') return schedule.runAt > after && schedule.runAt <= until ? 1 : 0
  if (schedule.kind === 'interval') return intervalsUpTo(rule, until) - intervalsUpTo(rule, after)
  const { calendar, fields } = compiled(schedule.expr)
  const last = Math.min(until.getTime(), instantLimit)
  let total = 0
  for (let from = after.getTime() + 1; from <= last; ) {
    const stretch = stretchAt(rule.zone, from)
    const start = Math.max(from + stretch.offsetMs, firstPassingFrom(fields, stretch))
    total += calendar.count(start, Math.min(last + 1, stretch.until) + stretch.offsetMs)
    if (stretch.from >= from && makesUpAtStart(calendar, fields, stretch)) total += 1
    from = stretch.until
  }
  return total
}

/** Every slot of the span, earliest first; none is worked out before it is asked for. */
export function* slotsIn(rule: Rule, { after, until }: Span): Generator<Date> {
  for (let slot = nextSlot(rule, after); slot && slot <= until; slot = nextSlot(rule, slot)) yield slot
}

/** The gap between the next two slots after `after`; null for a one-shot, or where fewer than two are left. */
export function typicalPeriodMs(rule: Rule, after: Date): number | null {
  if (rule.schedule.kind === 'interval') return rule.schedule.everyMs
  const first = nextSlot(rule, after)
  const second = first && nextSlot(rule, first)
  return first && second ? second.getTime() - first.getTime() : null
}

/** How late a slot may be caught up with: half the period, at least 2 minutes, at most 2 hours. */
export function catchUpGraceMs(periodMs: number): number {
  return Math.min(Math.max(periodMs / 2, 120_000), 7_200_000)
}

// Wake times lie up to weeks after their slots, and Postgres takes no ISO 8601 text of a year after 9999.
export const instantLimit = Date.UTC(9999, 0, 1)

const compiledByExpr = new Map<string, { fields: CronFields; calendar: Calendar }>()
const keptExpressions = 500

function compiled(expr: string): { fields: CronFields; calendar: Calendar } {
  const known = compiledByExpr.get(expr)
  if (known) return known
  const fields = readCron(expr)
  const made = { fields, calendar: createCalendar(fields) }
  if (compiledByExpr.size >= keptExpressions) compiledByExpr.clear()
  compiledByExpr.set(expr, made)
  return made
}

/** The local time from which on the stretch's clock shows times that it has not shown before, if that matters. */
function firstPassingFrom(fields: CronFields, stretch: Stretch): number {
  const localStart = stretch.from + stretch.offsetMs
  return fields.runsThrough ? localStart : Math.max(localStart, stretch.previousLocalEnd)
}

/** Whether a slot was skipped by the clock change that opens this stretch, and is due at its first instant. */
function makesUpAtStart(calendar: Calendar, fields: CronFields, stretch: Stretch): boolean {
  const localStart = stretch.from + stretch.offsetMs
  if (fields.runsThrough || stretch.previousLocalEnd >= localStart || stretch.from === -Infinity) return false
  if (calendar.firstFrom(localStart, localStart + 1) !== null) return false
  return calendar.firstFrom(stretch.previousLocalEnd, localStart) !== null
}

function intervalsUpTo({ schedule, anchor }: Rule, instant: Date): number {
  if (schedule.kind !== 'interval') return 0
  return Math.max(0, Math.floor((instant.getTime() - anchor.getTime()) / schedule.everyMs))
}

function asDate(instant: number): Date | null {
  return Math.abs(instant) <= instantLimit ? new Date(instant) : null
}
