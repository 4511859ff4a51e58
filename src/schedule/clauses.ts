import { Cursor } from './cursor.ts'
import { emptyFrame, type Frame } from './frame.ts'
import { readException } from './said-except.ts'
import { readDate, readDayAhead, readDelay } from './said-dates.ts'
import { readDays, readMonths, readPlaces } from './said-days.ts'
import { readAdverb, readEvery } from './said-every.ts'
import { readMinutes, readTime, readTimes } from './said-times.ts'
import { allWords, partsOfDay, unclear, units, zoneAbbreviations } from './vocabulary.ts'

type Clause = (cursor: Cursor, frame: Frame) => boolean

/** Tried in this order wherever a clause may begin; a phrase may have them in any order. */
const clauses: Clause[] = [
  (cursor) => cursor.at > 0 && cursor.take(',', 'and', ';'),
  readException,
  delay,
  window,
  starting,
  minutesOfHour,
  bounds,
  readAdverb,
  readEvery,
  dayAhead,
  part,
  day,
  months,
  times,
]

/**
 * What a phrase says, one clause after another.
 *
 * @throws Misread: the word at which no clause begins, or that says what an earlier one has said otherwise
 */
export function readClauses(text: string): { cursor: Cursor; frame: Frame } {
  const cursor = new Cursor(text)
  const frame = emptyFrame()
  while (!cursor.isAtEnd) {
    const before = cursor.at
    if (!clauses.some((clause) => restoring(clause, cursor, frame))) throw unknownWord(cursor)
    if (cursor.at === before) throw unknownWord(cursor)
  }
  return { cursor, frame }
}

function restoring(clause: Clause, cursor: Cursor, frame: Frame): boolean {
  const before = cursor.at
  if (clause(cursor, frame)) return true
  cursor.at = before
  return false
}

function unknownWord(cursor: Cursor) {
  const { text } = cursor.peek()
  const zone = zoneAbbreviations.get(text)
  if (zone) return cursor.misread('is not the name of one time zone', [cursor.with(zone, cursor.at)])
  if (text === 'once') {
    const isAt = ['at', 'on'].includes(cursor.peek(1).text)
    return cursor.misread('is not needed', [cursor.without(cursor.at, cursor.at + (isAt ? 2 : 1))])
  }
  const meant = unclear.get(text)
  if (meant) return cursor.misread('can be read in more than one way', meant)
  const word = cursor.tokens.slice(cursor.at).findIndex(({ kind }) => kind === 'word' || kind === 'unknown')
  // of "5 apples" it is not the number that is unknown
  const isCounted = (text === 'every' || text === 'each' || /^\d/.test(text)) && word >= 0 && word <= 2
  const at = isCounted ? cursor.at + firstUnknown(cursor) : cursor.at
  const isVague = /^(few|several)$/.test(cursor.tokens[at]?.text ?? '')
  return cursor.misread(
    isVague ? 'is not a number' : 'was not understood',
    isVague ? [cursor.with('3', at)] : [],
    at,
  )
}

/** From here on, the first word that no phrase has. */
function firstUnknown(cursor: Cursor): number {
  const ahead = cursor.tokens
    .slice(cursor.at)
    .findIndex(({ kind, text }) => kind === 'unknown' || (kind === 'word' && !allWords.includes(text)))
  return Math.max(0, ahead)
}

/** `morning` behind a day: it tells what an hour alone means. */
function part(cursor: Cursor, frame: Frame): boolean {
  if (!frame.every && !frame.weekdays && !frame.date) return false
  if (cursor.take('in')) cursor.take('the')
  const word = cursor.peek().text.replace(/s$/, '')
  if (!partsOfDay.has(word)) return false
  cursor.at += 1
  frame.part = word
  return true
}

/** `until 2027-01-01`, `starting 2027-01-01`: both days count. */
function bounds(cursor: Cursor, frame: Frame): boolean {
  const isEnd = cursor.take('until', 'till')
  if (!isEnd && !cursor.take('starting', 'from', 'beginning')) return false
  cursor.take('on')
  const date = readDate(cursor)
  if (!date?.year) return false
  const two = (value: number) => String(value).padStart(2, '0')
  const iso = `${date.year}-${two(date.month)}-${two(date.day)}`
  if (isEnd) frame.until = `${iso}T23:59:59`
  else frame.from = `${iso}T00:00`
  return true
}

function delay(cursor: Cursor, frame: Frame): boolean {
  if (frame.every) return false
  const found = readDelay(cursor)
  if (!found) return false
  frame.delay = found
  return true
}

/** `between 9am and 5pm`, `from 9 to 17`, `9am-5pm`. */
function window(cursor: Cursor, frame: Frame): boolean {
  const start = cursor.at
  const isBetween = cursor.take('between')
  const isNamed = isBetween || cursor.take('from', 'during')
  if (
    cursor.takeAll('business', 'hours') ||
    cursor.takeAll('office', 'hours') ||
    cursor.takeAll('working', 'hours')
  )
    throw cursor.misread(
      'are not the same everywhere',
      [cursor.with('between 9am and 5pm', start, cursor.at)],
      cursor.at - 2,
    )
  const from = readTime(cursor, isNamed)
  if (!from) return false
  const isJoined =
    cursor.take('to', '-', 'until', 'till', 'through', 'thru') || (isNamed && cursor.take('and', '&'))
  const to = isJoined ? readTime(cursor, true) : null
  if (!to) return false
  // "9 to 5", "1 to 5pm": hours without am or pm, of which the second comes first
  const later = to.isBare && to.seconds <= from.seconds && to.seconds + 43_200 > from.seconds ? 43_200 : 0
  const isSameHalf =
    from.isBare &&
    !to.isBare &&
    to.seconds >= 43_200 &&
    from.seconds + 43_200 < to.seconds &&
    from.seconds < 25_200
  if (frame.window)
    throw cursor.misread('is a second span of the day', [cursor.without(start, cursor.at)], start)
  frame.window = { from: from.seconds + (isSameHalf ? 43_200 : 0), to: to.seconds + later }
  return true
}

/** `starting at 8am`, `from 8am`. */
function starting(cursor: Cursor, frame: Frame): boolean {
  const isStart = cursor.take('starting', 'beginning', 'from')
  if (!isStart) return false
  cursor.take('at', 'from')
  const time = readTime(cursor, true)
  if (!time) return false
  frame.startingAt = time.seconds
  return true
}

/** `at :15`, `at 15 past`, `on the hour`, `at minute 15`. */
function minutesOfHour(cursor: Cursor, frame: Frame): boolean {
  const at = cursor.take('at', '@', 'on')
  const found = cursor.list(() => {
    const { kind, text } = cursor.peek()
    if (kind === 'minute') {
      cursor.at += 1
      return Number(text.slice(1))
    }
    if (cursor.takeAll('the', 'top', 'of', 'the', 'hour') || cursor.takeAll('the', 'hour')) return 0
    if (cursor.takeAll('the', 'half', 'hour')) return 30
    if (at && cursor.take('minute')) return readMinutes(cursor)
    cursor.take('a')
    const minutes = readMinutes(cursor)
    const isPast = minutes !== null && cursor.take('past', 'after')
    const isTo = minutes !== null && !isPast && cursor.take('to', 'before')
    if (!isPast && !isTo) return null
    // "half past 9" is a time of day
    if (readTime(cursor, true)) return null
    if (
      !cursor.takeAll('the', 'hour') &&
      !cursor.takeAll('each', 'hour') &&
      units.get(cursor.peek(1).text)?.[0] !== 'hour' &&
      !frame.every
    )
      return null
    return isPast ? minutes : 60 - minutes
  })
  if (!found || found.some((minute) => minute > 59)) return false
  frame.minutes.push(...found)
  return true
}

function dayAhead(cursor: Cursor, frame: Frame): boolean {
  const start = cursor.at
  const found = readDayAhead(cursor)
  if (!found) return false
  if (frame.date) throw cursor.misread('is a second day', [cursor.without(start, cursor.at)], start)
  frame.date = found.date
  frame.part = found.part
  // the published readings take "tomorrow at 9am" and refuse "tomorrow 9am"
  if (frame.times.length === 0 && readTime(cursor, true)) {
    cursor.at -= 1
    throw cursor.misread('needs "at" before it', [cursor.with(`at ${cursor.typed(cursor.at)}`, cursor.at)])
  }
  return true
}

/** Weekdays, dates, and places in the month, with or without `on`. */
function day(cursor: Cursor, frame: Frame): boolean {
  const start = cursor.at
  const isOn = cursor.take('on')
  const date = readDate(cursor)
  if (date) {
    if (frame.date) throw cursor.misread('is a second date', [cursor.without(start, cursor.at)], start)
    frame.date = date
    return true
  }
  const days = readDays(cursor)
  if (days) {
    if (frame.weekdays)
      throw cursor.misread('names days a second time', [cursor.without(start, cursor.at)], start)
    frame.weekdays = days.days
    frame.isOnce = isOn && !days.isPlural && !days.isGroup
    return true
  }
  return readPlaces(cursor, frame)
}

function months(cursor: Cursor, frame: Frame): boolean {
  cursor.take('in', 'during', 'of', 'from')
  const found = readMonths(cursor)
  if (!found) return false
  frame.months.push(...found)
  return true
}

function times(cursor: Cursor, frame: Frame): boolean {
  const start = cursor.at
  const isAt = cursor.take('at', '@')
  const isBare = isAt || frame.weekdays !== null || frame.every?.unit === 'day'
  const found = readTimes(cursor, isBare)
  if (!found) return false
  if (frame.times.length > 0)
    throw cursor.misread('is a second time of day', [cursor.without(start, cursor.at)], start)
  frame.times = found
  return true
}
