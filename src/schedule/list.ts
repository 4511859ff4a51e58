import { AppError } from '../ground/errors.ts'
import { Cursor } from './cursor.ts'
import { readCron } from './cron.ts'
import { type ExprText, joinExpr, mostRules, noParts } from './expr-parts.ts'
import { localAt } from './local.ts'
import { Misread } from './misread.ts'
import type { At, Resolved } from './resolved.ts'
import { readLeftOut } from './said-except.ts'
import { nextSlot, type Schedule } from './slots.ts'
import { localMs, readSteps } from './steps.ts'

const exceptBehindCron = /^(?=[\d*@H])(.+?),? except (?!.* except )(.+)$/i

/** Whether the text has several parts: rules, or what holds for them. */
export function isList(text: string): boolean {
  return /;( |$)/.test(text) || exceptBehindCron.test(text)
}

type Rules = ExprText & { count: number | null }

/**
 * The parts of a text, each read by itself: rules by `readRule`, and `except …`, `from …`, `until …`, `skipped: …`,
 * `repeated: …`.
 *
 * @throws Misread, AppError
 */
export function readList(text: string, readRule: (text: string) => Resolved, at: At): Rules {
  const parts: Rules = { ...noParts, rules: [], except: [], count: null }
  const isSeveral = isList(text)
  const written = isSeveral ? text.split(/; ?(?= |$)/).flatMap((part) => partsOf(part.trim())) : [text]
  for (const part of written.filter(Boolean)) {
    if (!readOption(parts, part))
      addRule(parts, part, { found: ruleText(part) ?? readRule(part), at, isSeveral })
  }
  if (parts.rules.length === 0) throw new Misread('', 'has no rule', ['every day at 9am; except sundays'])
  if (parts.rules.length + parts.except.length > mostRules)
    throw new Misread(
      '',
      `has ${parts.rules.length + parts.except.length} rules and exceptions; the limit is ${mostRules}`,
    )
  return parts
}

function partsOf(part: string): string[] {
  const [, rule, except] = exceptBehindCron.exec(part) ?? []
  return rule && except ? [rule, `except ${except}`] : [part]
}

/** The forms in which rules are stored, so that a stored text can be typed. */
function ruleText(text: string): Resolved | null {
  return readSteps(text) ? { kind: 'rules', rules: [text], except: [] } : null
}

function readOption(parts: Rules, text: string): boolean {
  const [, name = '', value = ''] = /^(except|from|until|skipped|repeated)(?:: ?| )(.+)$/i.exec(text) ?? []
  switch (name.toLowerCase()) {
    case 'except':
      parts.except.push(...readExcept(value))
      return true
    case 'from':
    case 'until':
      return readBound(parts, name.toLowerCase() as 'from' | 'until', value)
    case 'skipped':
      if (value !== 'next' && value !== 'skip')
        throw new Misread(value, 'is not what a skipped time may do: next or skip', [
          text.replace(value, 'skip'),
        ])
      parts.skipped = value
      return true
    case 'repeated':
      if (value !== 'first' && value !== 'second' && value !== 'both')
        throw new Misread(value, 'is not what a repeated time may do: first, second or both', [
          text.replace(value, 'both'),
        ])
      parts.repeated = value
      return true
    default:
      return false
  }
}

function readBound(parts: Rules, name: 'from' | 'until', value: string): boolean {
  const [, date, time] = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?))?$/.exec(value) ?? []
  if (!date) return false
  const text = `${date}T${time ?? (name === 'from' ? '00:00' : '23:59:59')}`
  localMs(text)
  parts[name] = text
  return true
}

/** Days (`sundays`, `2026-12-24`, `2026-12-24..2027-01-02`), or times as cron names them. */
function readExcept(text: string): string[] {
  if (/^\d{4}-\d\d-\d\d(\.\.|,|$)/.test(text)) {
    const dates = text.replaceAll(/,\s*/g, ',').split(',')
    const wrong = dates.find((date) => !/^\d{4}-\d\d-\d\d(\.\.\d{4}-\d\d-\d\d)?$/.test(date))
    if (wrong !== undefined)
      throw new Misread(wrong, 'is not a date or a span of dates', [
        'every day at 9am; except 2030-12-24..2030-12-26',
      ])
    for (const date of dates.flatMap((span) => span.split('..'))) localMs(date)
    return [dates.join(',')]
  }
  if (/^[\d*]\S* \S+ \S+ \S+ \S+/.test(text) && !/[a-z]{4}/i.test(text)) {
    readCron(text)
    return [text]
  }
  const cursor = new Cursor(text)
  const found = cursor.list(() => {
    cursor.take('on', 'in')
    return readLeftOut(cursor)
  })
  if (found && cursor.isAtEnd) return found
  throw cursor.misread('is not a day that can be left out', ['every day at 9am; except sundays'])
}

type Found = { found: Resolved; at: At; isSeveral: boolean }

function addRule(parts: Rules, text: string, { found, at, isSeveral }: Found): void {
  if (found.kind === 'interval') {
    throw new Misread(text, 'counts from when the job is made, and cannot be one of several rules', [
      'every 15 minutes between 00:00 and 23:59',
    ])
  }
  if (found.kind === 'once') {
    parts.rules.push(localAt(found.runAt, at.zone).toString({ smallestUnit: 'second' }))
    return
  }
  const { rules, except, from, until, count } = found
  if (isSeveral && (from ?? until ?? count) !== undefined && (parts.rules.length > 0 || parts.from))
    throw new Misread(text, 'has its own beginning or end, and cannot be one of several rules')
  parts.rules.push(...rules)
  parts.except.push(...except)
  parts.from = from ?? parts.from
  parts.until = until ?? parts.until
  parts.count = count ?? null
}

const mostCounted = 1000

/** The schedule of these parts. One rule alone keeps the text that was typed, where that is cron. */
export function scheduleOf(text: string, parts: Rules, { now, zone }: At): Schedule {
  const [only = ''] = parts.rules
  const until = parts.count === null ? parts.until : untilOf(parts, parts.count, { now, zone })
  const { rules, except, from, skipped, repeated } = parts
  const expr = joinExpr({ rules, except, from, until, skipped, repeated })
  if (expr !== only) return { kind: 'rules', expr, display: text }
  return { kind: readSteps(only) ? 'calendar' : 'cron', expr, display: text }
}

/** The local time of the last of `count` slots. */
function untilOf(parts: Rules, count: number, { now, zone }: At): string {
  if (count > mostCounted)
    throw new AppError('SCHEDULE_INVALID', `COUNT may be ${mostCounted} at most; give the job \`repeat\`.`)
  // COUNT counts the days that EXDATE leaves out, and not those that RDATE adds
  const counted = {
    ...parts,
    rules: parts.rules.filter((rule) => !/^\d{4}-/.test(rule)),
    except: parts.except.filter((left) => !/^\d{4}-/.test(left)),
  }
  const schedule = { kind: 'rules', expr: joinExpr(counted), display: '' } as const
  const rule = { schedule, zone, anchor: now }
  const begin = parts.from === null ? now : new Date(localMs(parts.from) - 86_400_000 * 2)
  let last = begin
  for (let done = 0; done < count; done++) last = nextSlot(rule, last) ?? last
  return localAt(last, zone).toString({ smallestUnit: 'second' })
}
