import { AppError } from '../ground/errors.ts'
import { withEllipsis } from '../ground/text.ts'
import { type Reading, readDialect } from './dialects.ts'
import { longestDurationMs, readDuration } from './duration.ts'
import { readInstant } from './instant.ts'
import { isCalendarText } from './rrule-lines.ts'
import { isList, readList, scheduleOf } from './list.ts'
import { localAt, localText } from './local.ts'
import { Misread } from './misread.ts'
import { readClauses } from './clauses.ts'
import { readNamedZone } from './named-zone.ts'
import { resolve } from './resolve.ts'
import type { Resolved } from './resolved.ts'
import { instantLimit } from './passing.ts'
import { nextSlot, type Schedule } from './slots.ts'
import { nearest } from './suggest.ts'
import { checkZone } from './zone.ts'

/**
 * Reads the text of a person: a duration (`30m`, `every 2h`), what other schedulers write (cron, `rate()`, `PT15M`,
 * RRULE), an ISO instant or date, a delay, or a phrase (`every weekday at 9am`); several with `; ` between them.
 *
 * `now` is what "in", "tomorrow" and steps count from; `zone` is what local times are read in; `id`: of the job, by which
 * `H` in cron is chosen.
 *
 * @throws AppError SCHEDULE_INVALID: with what was not understood and the nearest text that is; SCHEDULE_IN_PAST: a
 * one-shot more than 120 s before `now`; TIMEZONE_UNKNOWN.
 */
export function parseSchedule(text: string, context: { now: Date; zone: string; id?: string }): Schedule {
  const { id = '', now } = context
  const reading = { now, zone: checkZone(context.zone), id }
  const given = tidy(text)
  try {
    return read(given, reading)
  } catch (error) {
    if (!(error instanceof Misread) && !(error instanceof AppError && error.code === 'SCHEDULE_INVALID'))
      throw error
    throw withSuggestion(given, error, reading)
  }
}

const longestText = 2000
const pastToleranceMs = 120_000

function tidy(text: string): string {
  if (text.length > longestText) {
    throw refuse(withEllipsis(text, 40), `it has ${text.length} characters; the limit is ${longestText}`)
  }
  // crontab(5) parts fields by blanks or tabs; a line that was copied or piped ends in a line break
  const line = narrow(isCalendarText(text) ? text.trim().replaceAll(/\r?\n/g, ' ') : text.trim()).replaceAll(
    '\t',
    ' ',
  )
  if (/\p{Cc}/u.test(line)) throw refuse(text, 'it contains control characters; use one line of plain text')
  return line.replace(/\s+/g, ' ')
}

/** As a keyboard has it: full-width forms, the dashes and invisible marks that word processors write. */
function narrow(text: string): string {
  return text
    .replaceAll(/[\uFF01-\uFF5E]/g, (wide) => String.fromCodePoint((wide.codePointAt(0) ?? 0) - 0xfee0))
    .replaceAll(/[\u2010-\u2015\u2212]/g, '-')
    .replaceAll(/\p{Cf}|\uFE0F/gu, '')
}

function read(text: string, reading: Reading): Schedule {
  if (!isList(text)) {
    const found = readOne(text, reading)
    if (found.kind === 'once')
      return {
        kind: 'once',
        runAt: found.runAt,
        display: found.display ?? onceDisplay(found.runAt, reading.zone),
      }
    if (found.kind === 'interval') return { ...found, display: intervalDisplay(text, found.everyMs) }
  }
  const schedule = scheduleOf(
    text,
    readList(text, (rule) => readOne(rule, reading), reading),
    reading,
  )
  const rule = { schedule, zone: reading.zone, anchor: reading.now }
  if (!nextSlot(rule, new Date(reading.now.getTime() - 1)))
    throw new Misread('', 'has no instant left, now or in the next 150 years')
  return schedule
}

/** @throws Misread, AppError */
function readOne(text: string, reading: Reading): Resolved {
  const found = readInterval(text) ?? readDialect(text, reading) ?? readOnce(text, reading)
  if (found) return found
  const { cursor, frame } = readClauses(/^\d+ days$/i.test(text) ? `every ${text}` : text)
  const resolved = resolve(cursor, frame, reading)
  if (resolved.kind === 'once') checkInstant(text, resolved.runAt, reading.now)
  if (resolved.kind === 'interval') checkDuration(resolved.everyMs, text)
  return resolved
}

function readInterval(text: string): Resolved | null {
  const words = text.replace(/^@?every /i, '')
  // in words, days are steps of the calendar; "every day" and "1d" are 24 hours
  if (/^(?!1 )\d+ days$/i.test(words)) return null
  const everyMs = readDuration(words)
  if (everyMs === null) {
    if (/^@every\b(?!_)/i.test(text))
      throw new Misread('@every', 'needs a duration behind it, as in "@every 6h"', ['@every 6h'])
    return null
  }
  checkDuration(everyMs, words)
  return { kind: 'interval', everyMs }
}

/** It reads back as what was typed, where that was words. */
function intervalDisplay(text: string, everyMs: number): string {
  const words = text.toLowerCase().replace(/^@?every /, '')
  const isTyped = readDuration(words) !== null || (/^@?every /i.test(text) && !words.includes('@'))
  if (isTyped) return `every ${words}`
  if (everyMs % 3_600_000 === 0) return `every ${everyMs / 3_600_000}h`
  return `every ${everyMs % 60_000 ? `${everyMs / 1000}s` : `${everyMs / 60_000}m`}`
}

function readOnce(text: string, { now, zone }: Reading): Resolved | null {
  const delay = /^(?:in |\+ ?)(.+)$/i.exec(text)?.[1] ?? ''
  const delayMs = readDuration(delay)
  if (delayMs !== null) {
    checkDuration(delayMs, delay)
    return { kind: 'once', runAt: new Date(now.getTime() + delayMs), display: `once in ${delay}` }
  }
  // at() is EventBridge's
  const instant = readInstant(/^at ?\((.*)\)$/i.exec(text)?.[1] ?? text, zone)
  if (!instant) return null
  checkInstant(text, instant.runAt, now)
  return { kind: 'once', runAt: instant.runAt, display: `once at ${instant.display}` }
}

function onceDisplay(runAt: Date, zone: string): string {
  return `once at ${localText(localAt(runAt, zone)).replace('T', ' ')}`
}

function checkInstant(text: string, runAt: Date, now: Date): void {
  if (runAt.getTime() < now.getTime() - pastToleranceMs) {
    const reason = `it is more than 120 s before ${now.toISOString()}`
    throw new AppError('SCHEDULE_IN_PAST', `The schedule ${JSON.stringify(text)} is in the past: ${reason}`)
  }
  if (runAt.getTime() > instantLimit) throw new Misread(text, 'is an instant after the year 9998')
}

function checkDuration(ms: number, words: string): void {
  if (ms <= 0) throw new Misread(words, 'is a duration that is not longer than zero', ['every 1m'])
  if (ms > longestDurationMs) throw new Misread(words, 'is a duration of more than 100 years', ['every 365d'])
  if (ms % 1000 !== 0) throw new Misread(words, 'is not a whole number of seconds', ['every 1s'])
}

function withSuggestion(text: string, error: Misread | AppError, reading: Reading): AppError {
  const suggestions = nearest(text, error, (candidate) => isRead(candidate, reading))
  const forms = suggestions.map((suggestion) => JSON.stringify(suggestion)).join(' or ')
  const cause = { cause: error, extra: { suggestions } }
  if (error instanceof AppError) return new AppError(error.code, `${error.message} Try ${forms}.`, cause)
  const reason = error.word === '' ? `it ${error.message}` : `${JSON.stringify(error.word)} ${error.message}`
  return new AppError(
    'SCHEDULE_INVALID',
    `The schedule ${JSON.stringify(text)} cannot be read: ${reason}. Try ${forms}.`,
    cause,
  )
}

function isRead(text: string, reading: Reading): boolean {
  try {
    const named = readNamedZone(text, { named: null, usual: reading.zone })
    read(tidy(named.text), { ...reading, zone: named.zone })
    return true
  } catch (error) {
    if (error instanceof Misread || error instanceof AppError) return false
    throw error
  }
}

function refuse(text: string, reason: string): AppError {
  return new AppError('SCHEDULE_INVALID', `The schedule ${JSON.stringify(text)} cannot be read: ${reason}`)
}
