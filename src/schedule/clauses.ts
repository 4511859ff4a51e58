import { Cursor } from './cursor.ts'
import { emptyFrame, type Frame } from './frame.ts'
import { readException } from './said-except.ts'
import { readDate, readDayAhead, readDelay } from './said-dates.ts'
import { readDays, readMonths, readPlaces } from './said-days.ts'
import { readAdverb, readEvery } from './said-every.ts'
import { readBounds, readStarting, readWindow } from './said-spans.ts'
import { readMinutes, readTime, readTimes } from './said-times.ts'
import { unknownWord } from './unknown-word.ts'
import { partsOfDay, units, weekdayNumbers } from './vocabulary.ts'

type Clause = (cursor: Cursor, frame: Frame) => boolean

/** Tried in this order wherever a clause may begin; a phrase may have them in any order. */
const clauses: Clause[] = [
  filler,
  readException,
  delay,
  readWindow,
  readStarting,
  minutesOfHour,
  readBounds,
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
  const last = cursor.tokens.length - 1
  if ([',', 'and'].includes(cursor.tokens[last]?.text ?? ''))
    throw cursor.misread('is followed by nothing', [cursor.without(last)], last)
  return { cursor, frame }
}

function restoring(clause: Clause, cursor: Cursor, frame: Frame): boolean {
  const before = cursor.at
  if (clause(cursor, frame)) return true
  cursor.at = before
  return false
}

/** Words between clauses that say nothing of their own. */
function filler(cursor: Cursor, frame: Frame): boolean {
  if (cursor.at === 0) return cursor.take('run', 'runs', 'repeat')
  // App Engine: at whole steps of the clock
  if (frame.every && cursor.take('synchronized', 'synchronised')) {
    frame.every.isOther = true
    return true
  }
  return cursor.take(',', 'and', ';', 'only')
}

/** `morning` behind a day: it tells what an hour alone means. */
function part(cursor: Cursor, frame: Frame): boolean {
  if (!frame.every && !frame.weekdays && !frame.date) return false
  if (cursor.take('in')) cursor.take('the')
  const word = cursor.peek().text.replace(/s$/, '')
  if (!partsOfDay.has(word)) return false
  if (frame.part !== null && frame.part !== word)
    throw cursor.misread('is a second part of the day', ['every day at 8am and 6pm'])
  cursor.at += 1
  frame.part = word
  return true
}

function delay(cursor: Cursor, frame: Frame): boolean {
  if (frame.every) return false
  const found = readDelay(cursor)
  if (!found) return false
  frame.delay = found
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
    cursor.take('the')
    if (cursor.takeAll('top', 'of', 'the', 'hour')) return 0
    if (cursor.peek(-1).text === 'the' && cursor.take('hour')) return 0
    if (cursor.peek(-1).text === 'the' && cursor.takeAll('half', 'hour')) return 30
    if (at && cursor.take('minute')) return readMinutes(cursor)
    cursor.take('a')
    const minutes = readMinutes(cursor)
    // "every hour at 30 minutes"
    const isUnit = /^min(ute)?s?$/.test(cursor.peek(-1).text) && frame.every?.unit === 'hour'
    if (at && isUnit && !['past', 'after', 'to', 'before'].includes(cursor.peek().text)) return minutes
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
  if (weekdayNumbers.has(cursor.peek(1).text)) cursor.take('from')
  const date = readDate(cursor)
  if (date) {
    if (frame.date)
      throw cursor.misread(
        'is a second date; use two rules with "; " between them',
        [cursor.parted(start)],
        start,
      )
    frame.date = date
    return true
  }
  if (['weekday', 'weekend', 'weekdays', 'weekends'].includes(cursor.peek(1).text)) cursor.take('the')
  const days = readDays(cursor)
  if (days) {
    if (frame.weekdays)
      throw cursor.misread(
        'names days a second time; use two rules with "; " between them',
        [cursor.parted(start), cursor.without(start, cursor.at)],
        cursor.at - 1,
      )
    frame.weekdays = days.days
    frame.isOnce = isOn && !days.isPlural && !days.isGroup
    // "mondays of the month" are all of them
    if (cursor.take('of')) {
      cursor.take('the', 'every', 'each')
      return cursor.take('month') || stepBack(cursor)
    }
    return true
  }
  return readPlaces(cursor, frame)
}

/** "of" was not for the days: months have it. */
function stepBack(cursor: Cursor): true {
  while (cursor.peek(-1).text !== 'of') cursor.at -= 1
  cursor.at -= 1
  return true
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
    throw cursor.misread(
      'is a second time of day; use two rules with "; " between them',
      [cursor.parted(start), cursor.without(start, cursor.at)],
      cursor.at - 1,
    )
  frame.times = found
  return true
}
