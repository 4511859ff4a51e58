import { type Compiled, compileExpr } from './expr.ts'
import { countOf, instantLimit, latestOf, nextOf } from './passing.ts'

/**
 * `display` is the text for people; `everyMs` is a whole number of seconds. `from`: the first slot of an interval that
 * has its own start, else the job's anchor begins it.
 */
export type Schedule =
  /** Local times: `expr` is cron, calendar steps, or several rules (expr-parts.ts). */
  | { kind: 'cron' | 'calendar' | 'rules'; expr: string; display: string }
  | { kind: 'interval'; everyMs: number; from?: string; display: string }
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
 * is left out and what repeats runs again. A rule may state otherwise (docs/schedules.md, "Clock changes").
 *
 * @throws AppError SCHEDULE_INVALID, TIMEZONE_UNKNOWN: the rule did not come from parseSchedule and checkZone.
 */
export function nextSlot(rule: Rule, after: Date): Date | null {
  const { schedule } = rule
  if (schedule.kind === 'after') return null
  if (schedule.kind === 'once') return schedule.runAt > after ? schedule.runAt : null
  if (schedule.kind === 'interval') {
    return asDate(startOf(rule) + (intervalsUpTo(rule, after) + 1) * schedule.everyMs)
  }
  const { groups } = compiled(schedule.expr)
  let first: number | null = null
  for (const group of groups) {
    const next = nextOf(group, rule.zone, after.getTime())
    if (next !== null && (first === null || next < first)) first = next
  }
  return first === null ? null : asDate(first)
}

/** The latest slot of the span; null: none. Its cost does not grow with the slots in between. */
export function latestSlot(rule: Rule, { after, until }: Span): Date | null {
  const { schedule } = rule
  if (schedule.kind === 'after') return null
  if (schedule.kind === 'once')
    return schedule.runAt > after && schedule.runAt <= until ? schedule.runAt : null
  if (schedule.kind === 'interval') {
    const upToEnd = intervalsUpTo(rule, until)
    return upToEnd > intervalsUpTo(rule, after) ? asDate(startOf(rule) + upToEnd * schedule.everyMs) : null
  }
  let last: number | null = null
  for (const group of compiled(schedule.expr).groups) {
    const latest = latestOf(group, rule.zone, { after: last ?? after.getTime(), until: until.getTime() })
    last = latest ?? last
  }
  return last === null ? null : asDate(last)
}

/** How many slots the span has; its cost grows with the days of the span, not with the slots. */
export function countSlots(rule: Rule, { after, until }: Span): number {
  const { schedule } = rule
  if (until <= after || schedule.kind === 'after') return 0
  if (schedule.kind === 'once') return schedule.runAt > after && schedule.runAt <= until ? 1 : 0
  if (schedule.kind === 'interval') return intervalsUpTo(rule, until) - intervalsUpTo(rule, after)
  return countOf(compiled(schedule.expr), rule.zone, { after: after.getTime(), until: until.getTime() })
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

const compiledByExpr = new Map<string, Compiled>()
const keptExpressions = 500

function compiled(expr: string): Compiled {
  const known = compiledByExpr.get(expr)
  if (known) return known
  const made = compileExpr(expr)
  if (compiledByExpr.size >= keptExpressions) compiledByExpr.clear()
  compiledByExpr.set(expr, made)
  return made
}

/** The slot before the first one of an interval. */
function startOf({ schedule, anchor }: Rule): number {
  if (schedule.kind !== 'interval' || schedule.from === undefined) return anchor.getTime()
  return Date.parse(schedule.from) - schedule.everyMs
}

function intervalsUpTo(rule: Rule, instant: Date): number {
  const { schedule } = rule
  if (schedule.kind !== 'interval') return 0
  return Math.max(0, Math.floor((instant.getTime() - startOf(rule)) / schedule.everyMs))
}

function asDate(instant: number): Date | null {
  return Math.abs(instant) <= instantLimit ? new Date(instant) : null
}
