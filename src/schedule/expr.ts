import { AppError } from '../ground/errors.ts'
import { type Calendar, clip, createCalendar, type DayRule } from './calendar.ts'
import { combine } from './combined.ts'
import { namesDay, readCron } from './cron.ts'
import { dayNumber } from './day.ts'
import { type AtChange, mostRules, splitExpr } from './expr-parts.ts'
import { localMs, readSteps, stepRule } from './steps.ts'
import { timesOfFields, timesOfList } from './times.ts'

/** Local times, and what clock changes do to them. */
export type Group = AtChange & { calendar: Calendar }

/**
 * What `expr` names. More than one group: some rules of a list run through clock changes and others do not. `all`: the
 * local times of all of them together.
 */
export type Compiled = { groups: Group[]; all: Calendar }

/**
 * Reads what is stored: cron, `every 2 week from 2026-11-27T10:00`, a local date and time, or a list of these with what
 * is left out and what holds for all (expr-parts.ts). Nothing in it depends on when it is read.
 *
 * @throws AppError SCHEDULE_INVALID
 */
export function compileExpr(expr: string): Compiled {
  const { rules, except, from, until, skipped, repeated } = splitExpr(expr)
  if (rules.length === 0) throw new AppError('SCHEDULE_INVALID', 'The schedule has no rule.')
  if (rules.length + except.length > mostRules)
    throw new AppError('SCHEDULE_INVALID', `A schedule may have ${mostRules} rules and exceptions at most.`)
  const members = rules.map(memberOf)
  const leftOut = except.map((text) => exceptionOf(text))
  const calendarOf = (some: Member[]): Calendar => {
    const days = some.map(({ rule }) => rule)
    const [only] = days
    const calendar = createCalendar(
      days.length === 1 && only && leftOut.length === 0 ? only : combine(days, leftOut),
    )
    if (from === null && until === null) return calendar
    return clip(calendar, {
      from: from === null ? -Infinity : localMs(from),
      until: until === null ? Infinity : localMs(until),
    })
  }
  const groups = [true, false].flatMap((through) => {
    const some = members.filter(({ runsThrough }) => runsThrough === through)
    if (some.length === 0) return []
    return {
      calendar: calendarOf(some),
      skipped: skipped ?? (through ? 'skip' : 'next'),
      repeated: repeated ?? (through ? 'both' : 'first'),
    }
  })
  const [first] = groups
  return { groups, all: first && groups.length === 1 ? first.calendar : calendarOf(members) }
}

type Member = { rule: DayRule; runsThrough: boolean }

function memberOf(text: string): Member {
  const steps = readSteps(text)
  if (steps) return { rule: stepRule(steps), runsThrough: false }
  if (/^\d{4}-\d\d-\d\dT/.test(text)) return { rule: instantRule(text), runsThrough: false }
  const fields = readCron(text)
  const times = timesOfFields(fields)
  return {
    rule: {
      timesOn: (day) => (namesDay(fields, day) ? times : null),
      mayIn: ({ month }) => fields.months[month] ?? false,
    },
    runsThrough: fields.runsThrough,
  }
}

function instantRule(text: string): DayRule {
  const local = localMs(text)
  const number = dayNumber(text)
  const times = timesOfList([Math.floor(local / 1000) - number * 86_400])
  return { timesOn: (day) => (day.number === number ? times : null) }
}

/** Times of some days: of an iCalendar file's EXDATE. */
function instantsRule(texts: string[]): DayRule {
  const byDay = Map.groupBy(
    texts.map((text) => (text.includes('T') ? text : `${text}T00:00`)),
    dayNumber,
  )
  const times = new Map(
    [...byDay].map(([number, some]) => [
      number,
      timesOfList(
        some.map((text) => Math.floor(localMs(text) / 1000) - number * 86_400).toSorted((a, b) => a - b),
      ),
    ]),
  )
  return { timesOn: ({ number }) => times.get(number) ?? null }
}

/** `2026-12-24`, `2026-12-24..2027-01-02`, a list of these with commas, or what a rule may be. */
function exceptionOf(text: string): DayRule {
  if (!/^\d{4}-\d\d-\d\d/.test(text)) return memberOf(text).rule
  if (text.includes('T')) return instantsRule(text.split(','))
  const spans = text.split(',').map((item) => {
    const [first = '', last = first] = item.split('..')
    return [localMs(first), localMs(last)].map((ms) => Math.floor(ms / 86_400_000))
  })
  const times = timesOfFields({ hours: range(24), minutes: range(60), seconds: range(60) })
  return {
    timesOn: ({ number }) =>
      spans.some(([first = 0, last = 0]) => number >= first && number <= last) ? times : null,
  }
}

const range = (size: number) => Array.from({ length: size }, (_, index) => index)
