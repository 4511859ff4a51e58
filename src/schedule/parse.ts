import { AppError } from '../ground/errors.ts'
import { expandNickname, readCron } from './cron.ts'
import { longestDurationMs, readDuration } from './duration.ts'
import { readInstant } from './instant.ts'
import { readPhrase } from './phrase.ts'
import { instantLimit, type Schedule } from './slots.ts'
import { checkZone } from './zone.ts'
import { withEllipsis } from '../ground/text.ts'

/**
 * Reads the text of a person. Tried in this order: duration (`30m`, `every 2h`, `@every 2h`), phrase (`every weekday at 9am`),
 * cron of five or six fields or a nickname (`@daily`), ISO instant or date, `in <duration>` or `+<duration>`.
 *
 * `now` is what "in" counts from; `zone` is what phrases, cron and instants without an offset are read in.
 *
 * @throws AppError SCHEDULE_INVALID; SCHEDULE_IN_PAST: a one-shot more than 120 s before `now`; TIMEZONE_UNKNOWN.
 */
export function parseSchedule(text: string, context: { now: Date; zone: string }): Schedule {
  const zone = checkZone(context.zone)
  const given = tidy(text)
  const schedule = readInterval(given) ?? readRecurring(given) ?? readOnce(given, { now: context.now, zone })
  if (schedule) return schedule
  throw refuse(given, forms)
}

const longestText = 200
const pastToleranceMs = 120_000
const forms =
  'use a duration ("every 30m"), days and a time ("every weekday at 9am"), cron ("0 9 * * 1-5"), ' +
  'an ISO date or instant ("2030-01-15T14:00") or a delay ("in 2h")'

function tidy(text: string): string {
  if (text.length > longestText) {
    throw refuse(withEllipsis(text, 40), `it has ${text.length} characters; the limit is ${longestText}`)
  }
  // crontab(5) parts fields by blanks or tabs; a line that was copied or piped ends in a line break
  const line = text.trim().replaceAll('\t', ' ')
  if (/\p{Cc}/u.test(line)) throw refuse(text, 'it contains control characters; use one line of plain text')
  return line.replace(/\s+/g, ' ')
}

function readInterval(text: string): Schedule | null {
  const everyMs = readDuration(text.replace(/^@?every /i, ''))
  if (everyMs === null) {
    if (/^@every\b(?!_)/i.test(text)) throw refuse(text, '"@every" needs a duration, as in "@every 6h"')
    return null
  }
  checkDuration(text, everyMs)
  return {
    kind: 'interval',
    everyMs,
    display: `every ${everyMs % 60_000 ? `${everyMs / 1000}s` : `${everyMs / 60_000}m`}`,
  }
}

function readRecurring(text: string): Schedule | null {
  const phrase = readPhrase(text)
  if (phrase) return { kind: 'cron', expr: phrase, display: text }
  const looksLikeCron = /^[@*]/.test(text) || (/^\d/.test(text) && [5, 6].includes(text.split(' ').length))
  if (!looksLikeCron) return null
  const expr = expandNickname(text)
  readCron(expr)
  return { kind: 'cron', expr, display: text }
}

function readOnce(text: string, { now, zone }: { now: Date; zone: string }): Schedule | null {
  const delay = /^(?:in |\+ ?)(.+)$/i.exec(text)?.[1] ?? ''
  const delayMs = readDuration(delay)
  if (delayMs !== null) {
    checkDuration(text, delayMs)
    return { kind: 'once', runAt: new Date(now.getTime() + delayMs), display: `once in ${delay}` }
  }
  const instant = readInstant(text, zone)
  if (!instant) return null
  if (instant.runAt.getTime() < now.getTime() - pastToleranceMs) {
    const reason = `it is more than 120 s before ${now.toISOString()}`
    throw new AppError('SCHEDULE_IN_PAST', `The schedule ${JSON.stringify(text)} is in the past: ${reason}`)
  }
  if (instant.runAt.getTime() > instantLimit) throw refuse(text, 'the instant must be before the year 9999')
  return { kind: 'once', runAt: instant.runAt, display: `once at ${instant.display}` }
}

function checkDuration(text: string, ms: number): void {
  if (ms <= 0) throw refuse(text, 'the duration must be longer than zero')
  if (ms > longestDurationMs) throw refuse(text, 'the duration must be at most 100 years')
}

function refuse(text: string, reason: string): AppError {
  return new AppError('SCHEDULE_INVALID', `The schedule ${JSON.stringify(text)} cannot be read: ${reason}`)
}
