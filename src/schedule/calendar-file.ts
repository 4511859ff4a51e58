import ICAL from 'ical.js'
import { AppError, fieldRefused } from '../ground/errors.ts'
import { parseSchedule } from './parse.ts'
import { nextSlot, type Schedule } from './slots.ts'

/** How far ahead an event that repeats is written out, and how many days of all events. */
const yearsAhead = 5
const mostDays = 1_000

/**
 * The days of the events of an iCalendar file (RFC 5545), from the year of `now` on, as exceptions of a schedule: a list of
 * dates and spans, and the dates that come back each year (`25 december`). They begin and end with years, so that one file
 * says the same all year, and applying it again changes nothing.
 *
 * @throws AppError FIELD_INVALID: not such a file, or an event with a time of day
 */
export function daysOf(text: string, now: Date): string[] {
  const events = eventsOf(text)
  const year = now.getUTCFullYear()
  const start = `${year}-01-01`
  const last = `${year + yearsAhead}-12-31`
  const days = new Set<string>()
  const yearly = new Set<string>()
  for (const event of events) {
    const { startDate, endDate, summary } = event
    if (!startDate.isDate)
      throw refused(`event ${JSON.stringify(summary ?? '')} has a time of day; give it days alone`)
    const length = Math.max(1, endDate.subtractDate(startDate).toSeconds() / 86_400)
    if (length === 1 && isYearly(event)) {
      yearly.add(`${startDate.day} ${monthNames[startDate.month - 1]}`)
      continue
    }
    for (const first of firstsOf(event, new Date(start), last)) {
      for (let ahead = 0; ahead < Math.min(length, mostDays); ahead++) {
        const day = Temporal.PlainDate.from(first).add({ days: ahead }).toString()
        if (day >= start) days.add(day)
      }
      if (days.size > mostDays) throw refused(`it has more than ${mostDays} days ahead`)
    }
  }
  const dates = spansOf([...days].toSorted())
  return [...(dates.length > 0 ? [dates.join(',')] : []), ...yearly]
}

function eventsOf(text: string): ICAL.Event[] {
  try {
    const file = new ICAL.Component(ICAL.parse(text) as string)
    const events = file.getAllSubcomponents('vevent').map((component) => new ICAL.Event(component))
    const kept = events.filter(({ component }) => component.getFirstPropertyValue('status') !== 'CANCELLED')
    if (kept.length > 0 && kept.every(({ startDate }) => startDate)) return kept
  } catch (error) {
    throw refused(`it cannot be read as iCalendar (${error instanceof Error ? error.message : 'unknown'})`)
  }
  throw refused('it has no events with a DTSTART')
}

/** Once a year on its date, for ever. */
function isYearly({ component, startDate: { month, day } }: ICAL.Event): boolean {
  const rule = component.getFirstPropertyValue('rrule')
  const isSimple = ['', ';INTERVAL=1', `;BYMONTH=${month}`, `;BYMONTH=${month};BYMONTHDAY=${day}`].some(
    (rest) => String(rule) === `FREQ=YEARLY${rest}`,
  )
  return isSimple && !component.hasProperty('exdate')
}

/**
 * The first days of an event that repeats, counted as those of a schedule: the library's own count may never end on a
 * rule that names no day.
 */
function* firstsOf(
  { component, startDate, summary }: ICAL.Event,
  start: Date,
  last: string,
): Generator<string> {
  if (!component.hasProperty('rrule')) {
    yield startDate.toString()
    return
  }
  const names = ['dtstart', 'rrule', 'exdate', 'rdate']
  const lines = names.flatMap((name) => component.getAllProperties(name)).map((line) => line.toICALString())
  const rule = { schedule: read(lines.join('\n'), summary), zone: 'UTC', anchor: start }
  let after = new Date(start.getTime() - 86_400_000)
  for (;;) {
    const day = nextSlot(rule, after)?.toISOString().slice(0, 10)
    if (day === undefined || day > last) return
    yield day
    after = new Date(`${day}T23:59:59.999Z`)
  }
}

function read(lines: string, summary: string): Schedule {
  try {
    return parseSchedule(lines, { now: new Date(0), zone: 'UTC' })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    throw refused(`event ${JSON.stringify(summary ?? '')}: ${error.message}`)
  }
}

function spansOf(days: string[]): string[] {
  const spans: [first: string, last: string][] = []
  for (const day of days) {
    const span = spans.at(-1)
    if (span && Temporal.PlainDate.from(span[1]).add({ days: 1 }).toString() === day) span[1] = day
    else spans.push([day, day])
  }
  return spans.map(([first, last]) => (first === last ? first : `${first}..${last}`))
}

const refused = (why: string) => fieldRefused('schedule', `except_calendar: ${why}`)

const monthNames =
  'january february march april may june july august september october november december'.split(' ')
