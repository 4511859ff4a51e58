import { localAt, wholeSecond } from './local.ts'
import { Misread } from './misread.ts'
import type { At } from './resolved.ts'
import { calendarLines } from './rrule-lines.ts'

const numbered = {
  BYMONTH: [1, 12],
  BYMONTHDAY: [-31, 31],
  BYHOUR: [0, 23],
  BYMINUTE: [0, 59],
  BYSECOND: [0, 59],
  BYSETPOS: [-366, 366],
} as const
type Numbered = keyof typeof numbered

export type Recurrence = {
  freq: string
  interval: number
  /** Local. */
  start: Temporal.PlainDateTime
  /** The text has a DTSTART; without one the rule begins now. */
  isStarted: boolean
  by: Partial<Record<Numbered, number[]>>
  /** BYDAY. `place`: `1MO`, `-1FR`; null: each of them. */
  weekdays: { weekday: number; place: number | null }[]
  count: number | null
  /** Local, inclusive. */
  until: string | null
  /** WKST. */
  weekStart: number
  /** EXDATE and RDATE: local dates, or local times. */
  left: string[]
  more: string[]
}

const frequencies = ['YEARLY', 'MONTHLY', 'WEEKLY', 'DAILY', 'HOURLY', 'MINUTELY', 'SECONDLY']
const weekdayNames = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA']

/** Null: the text is no recurrence rule. @throws Misread */
export function readRuleParts(text: string, { now, zone }: At): Recurrence | null {
  const lines = calendarLines(text)
  if (!lines) return null
  const { start: dtstart, rule } = lines
  const said = rule.split(';').filter(Boolean)
  if (!said.every((part) => /^[A-Z-]+=/i.test(part)) || !/(^|;)FREQ=/i.test(rule)) return null
  const found: Recurrence = {
    ...{ freq: '', interval: 1, isStarted: dtstart !== undefined, by: {}, weekdays: [] },
    ...{ count: null, until: null, weekStart: 1 },
    ...{
      left: lines.left.map((day) => dayOrLocal(day, zone)),
      more: lines.more.map((day) => dayOrLocal(day, zone)),
    },
    start: dtstart === undefined ? wholeSecond(localAt(now, zone)) : localOf(dtstart, zone),
  }
  for (const part of rule.toUpperCase().split(';').filter(Boolean)) {
    const [name = '', value = ''] = part.split('=')
    setPart(found, { name, value, zone })
  }
  return found
}

function setPart(
  found: Recurrence,
  { name, value, zone }: { name: string; value: string; zone: string },
): void {
  if (name === 'FREQ') {
    if (!frequencies.includes(value))
      throw new Misread(value, 'is not a FREQ', ['FREQ=DAILY;BYHOUR=9;BYMINUTE=0'])
    found.freq = value
  } else if (name === 'INTERVAL') found.interval = whole(name, value)
  else if (name === 'COUNT') found.count = whole(name, value)
  else if (name === 'UNTIL')
    found.until = (
      value.length === 8
        ? localOf(value, zone).add({ hours: 23, minutes: 59, seconds: 59 })
        : localOf(value, zone)
    ).toString({ smallestUnit: 'second' })
  else if (name === 'WKST') found.weekStart = weekdayOf(value)
  else if (name === 'BYDAY') found.weekdays = value.split(',').map(dayOf)
  else if (name in numbered)
    found.by[name as Numbered] = value.split(',').map((item) => within(name as Numbered, item))
  else throw new Misread(name, 'is a part of RRULE that is not supported')
}

function whole(name: string, value: string): number {
  const number = Number(value)
  if (!/^\d{1,5}$/.test(value) || number < 1 || number > 36_525)
    throw new Misread(value, `is not a number for ${name}`)
  return number
}

function within(name: Numbered, item: string): number {
  const [least, most] = numbered[name]
  const number = Number(item)
  if (!/^[+-]?\d{1,3}$/.test(item) || number < least || number > most || (least < 0 && number === 0))
    throw new Misread(item, `is out of range for ${name}`)
  return number
}

function weekdayOf(name: string): number {
  const weekday = weekdayNames.indexOf(name)
  if (weekday < 0) throw new Misread(name, 'is not a weekday of RRULE (MO, TU, WE, TH, FR, SA, SU)')
  return weekday
}

function dayOf(item: string): Recurrence['weekdays'][number] {
  const [, place, name = item] = /^([+-]?\d{1,2})?([A-Z]{2})$/.exec(item) ?? []
  return { weekday: weekdayOf(name), place: place === undefined ? null : Number(place) }
}

function dayOrLocal(text: string, zone: string): string {
  const local = localOf(text, zone)
  return /^\d{8}$/.test(text) ? local.toPlainDate().toString() : local.toString({ smallestUnit: 'second' })
}

/** `20261127T090000`, with `Z` for UTC, or a date alone. */
function localOf(text: string, zone: string): Temporal.PlainDateTime {
  const [, year, month, day, hour = '00', minute = '00', second = '00', utc] =
    /^(\d{4})-?(\d{2})-?(\d{2})(?:T(\d{2}):?(\d{2}):?(\d{2})?(Z)?)?$/i.exec(text) ?? []
  try {
    const local = Temporal.PlainDateTime.from(`${year}-${month}-${day}T${hour}:${minute}:${second}`)
    return utc ? local.toZonedDateTime('UTC').withTimeZone(zone).toPlainDateTime() : local
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new Misread(text, 'is not a date of iCalendar (20261127T090000)')
  }
}
