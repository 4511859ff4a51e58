import type { Cursor } from './cursor.ts'
import { readDuration } from './duration.ts'
import type { Frame } from './frame.ts'
import { readDays, readMonths, readPlaces } from './said-days.ts'
import { readDate } from './said-dates.ts'
import { readCount } from './said-times.ts'
import { adverbs, ordinalWords, partsOfDay, units, weekdayNumbers } from './vocabulary.ts'

type Every = NonNullable<Frame['every']>

/** `every 2 weeks`, `each day`, `every other friday`, `every 1st of the month`: what stands behind `every` or `each`. */
export function readEvery(cursor: Cursor, frame: Frame): boolean {
  const start = cursor.at
  if (!cursor.take('every', 'each', 'per')) return false
  if (isAmbiguousPlace(cursor)) {
    const [place, day] = [cursor.peek().text, cursor.typed(cursor.at + 1)]
    throw cursor.misread(`may be one of the month or every other one (${place} ${day})`, [
      cursor.with('other', cursor.at),
      cursor.with(`${place} ${day} of the month`, start, cursor.at + 2),
    ])
  }
  const step = readStep(cursor)
  if (step) {
    set(cursor, frame, step, start)
    return true
  }
  if (readPart(cursor, frame)) return true
  const date = readDate(cursor)
  if (date) {
    set(cursor, frame, { count: 1, unit: 'year', isOther: false }, start)
    frame.months.push(date.month)
    frame.dates.push(String(date.day))
    return true
  }
  const months = readMonths(cursor)
  if (months) {
    set(cursor, frame, { count: 1, unit: 'month', isOther: false }, start)
    frame.months.push(...months)
    return true
  }
  if (readPlaces(cursor, frame)) {
    frame.every ??= { count: 1, unit: 'month', isOther: false }
    return true
  }
  if (['noon', 'midday', 'midnight'].includes(cursor.peek().text)) {
    set(cursor, frame, { count: 1, unit: 'day', isOther: false }, start)
    return true
  }
  // weekdays have a clause of their own
  const behind = cursor.at
  if (!readDays(cursor)) return false
  cursor.at = behind
  return true
}

/** `every second friday` without `of the month`. */
function isAmbiguousPlace(cursor: Cursor): boolean {
  const { text } = cursor.peek()
  const isPlace = /^(2nd|second)$/.test(text)
  return (
    isPlace &&
    weekdayNumbers.has(cursor.peek(1).text) &&
    !['of', 'in', 'each', 'every'].includes(cursor.peek(2).text)
  )
}

function readStep(cursor: Cursor): Every | null {
  return cursor.attempt(
    () => readHalf(cursor) ?? readOther(cursor) ?? readCounted(cursor) ?? readShort(cursor),
  )
}

/** `every half hour`, `every quarter of an hour`: at whole ones of them. */
function readHalf(cursor: Cursor): Every | null {
  return cursor.attempt(() => {
    cursor.take('a')
    if (cursor.takeAll('half', 'minute')) return { count: 30, unit: 'second', isOther: true }
    if (cursor.takeAll('half', 'day')) return { count: 12, unit: 'hour', isOther: true }
    const minutes = cursor.take('half') ? 30 : cursor.take('quarter') ? 15 : 0
    cursor.take('-', 'of')
    cursor.take('an', 'a')
    return minutes > 0 && cursor.take('hour', 'hours')
      ? { count: minutes, unit: 'minute', isOther: true }
      : null
  })
}

/** `every other week`, `every second day`, `every 3rd month`. */
function readOther(cursor: Cursor): Every | null {
  return cursor.attempt(() => {
    const { kind, text } = cursor.peek()
    const count =
      text === 'other' ? 2 : kind === 'ordinal' ? Number.parseInt(text, 10) : ordinalWords.get(text)
    if (count === undefined || count < 2) return null
    cursor.at += 1
    const unit = units.get(cursor.peek().text)
    if (unit) {
      cursor.at += 1
      return { count: count * unit[1], unit: unit[0], isOther: true }
    }
    const isWeekly = weekdayNumbers.has(cursor.peek().text) || cursor.peek().text === 'weekend'
    return text === 'other' && isWeekly ? { count: 2, unit: 'week', isOther: true } : null
  })
}

/** `every 2 weeks`, `every five minutes`, `every 1.5 hours`, `every day`, `every hour and a half`. */
function readCounted(cursor: Cursor): Every | null {
  return cursor.attempt(() => {
    const count = readCount(cursor) ?? 1
    if (count > 1 && cursor.peek().text === 'weekends') return whole(count, 'week')
    const unit = units.get(cursor.peek().text)
    if (!unit) return null
    cursor.at += 1
    const half = cursor.takeAll('and', 'a', 'half') ? 0.5 : 0
    return whole((count + half) * unit[1], unit[0])
  })
}

/** `every 36h`, `every 1h30m`. */
function readShort(cursor: Cursor): Every | null {
  const { kind, text } = cursor.peek()
  if (kind !== 'duration') return null
  const ms = readDuration(text)
  if (ms !== null && ms > 0) {
    cursor.at += 1
    return whole(ms / 1000, 'second')
  }
  const [, count = '', word = ''] = /^(\d+)([a-z]+)$/.exec(text) ?? []
  const unit = units.get(word)
  if (!unit || Number(count) === 0) return null
  throw cursor.misread('is not a duration that is read', [
    cursor.with(`${count} ${unit[0]}${count === '1' ? '' : 's'}`, cursor.at),
  ])
}

/** Fractions become whole numbers of a smaller unit; a whole number of seconds becomes the largest unit it fills. */
function whole(count: number, unit: Every['unit']): Every | null {
  const inSeconds = { second: 1, minute: 60, hour: 3600 }[unit as string]
  if (inSeconds === undefined)
    return Number.isInteger(count) && count > 0 ? { count, unit, isOther: false } : null
  const seconds = Math.round(count * inSeconds)
  if (seconds <= 0) return null
  if (seconds % 3600 === 0) return { count: seconds / 3600, unit: 'hour', isOther: false }
  if (seconds % 60 === 0) return { count: seconds / 60, unit: 'minute', isOther: false }
  return { count: seconds, unit: 'second', isOther: false }
}

/** `every morning`: a day, and no time yet. */
function readPart(cursor: Cursor, frame: Frame): boolean {
  const part = cursor.peek().text
  if (!partsOfDay.has(part)) return false
  set(cursor, frame, { count: 1, unit: 'day', isOther: false }, cursor.at)
  cursor.at += 1
  frame.part = part
  return true
}

/** `daily`, `half hourly`, `once a day`, `twice a week` (which is refused). */
export function readAdverb(cursor: Cursor, frame: Frame): boolean {
  const start = cursor.at
  const isHalf = cursor.take('half')
  if (isHalf) cursor.take('-')
  const adverb = adverbs.get(cursor.peek().text)
  if (adverb && (!isHalf || adverb[0] === 'hour')) {
    cursor.at += 1
    const [unit, count] = isHalf ? (['minute', 30] as const) : adverb
    set(cursor, frame, { count, unit, isOther: true }, start)
    return true
  }
  cursor.at = start
  return readOften(cursor, frame)
}

function readOften(cursor: Cursor, frame: Frame): boolean {
  const start = cursor.at
  const isOnce = cursor.peek().text === 'once' && ['every', 'each'].includes(cursor.peek(1).text)
  if (isOnce && units.get(cursor.peek(2).text) === undefined) {
    cursor.at += 1
    return true
  }
  const often = cursor.take('once')
    ? 1
    : cursor.take('twice')
      ? 2
      : cursor.take('thrice')
        ? 3
        : readCount(cursor)
  if (often === null) return false
  if (
    start + 1 === cursor.at &&
    !['once', 'twice', 'thrice'].includes(cursor.peek(-1).text) &&
    !cursor.take('times', 'time', 'x')
  ) {
    cursor.at = start
    return false
  }
  const isEach = cursor.take('a', 'an', 'per', 'each', 'every')
  const unit = isEach ? units.get(cursor.peek().text) : adverbs.get(cursor.peek().text)
  if (!unit) {
    cursor.at = start
    return false
  }
  cursor.at += 1
  if (often === 1) {
    set(cursor, frame, { count: unit[1], unit: unit[0], isOther: true }, start)
    return true
  }
  throw cursor.misread(
    `says how often and not when (${cursor.typed(start, cursor.at)})`,
    oftenTries(often, unit[0]),
    start,
  )
}

function oftenTries(often: number, unit: string): string[] {
  if (unit === 'hour') return [`every ${Math.max(1, Math.round(60 / often))} minutes`]
  if (unit === 'week') return ['every monday and thursday at 9am']
  if (unit === 'month') return ['on the 1st and 15th of every month at 9am']
  if (unit === 'year') return ['on the 1st of january and july at 9am', 'every 6 months']
  if (unit !== 'day' || often > 3) return ['every 15 minutes']
  return [often === 3 ? 'every day at 9am, 1pm and 5pm' : 'every day at 9am and 5pm']
}

const order: Every['unit'][] = ['second', 'minute', 'hour', 'day', 'week', 'month', 'year']
const isShort = ({ unit }: Every) => order.indexOf(unit) < 3

/** "9am daily on the 1st of each month": of several units each once, the longest says what is chosen among. */
function set(cursor: Cursor, frame: Frame, every: Every, at: number): void {
  const { every: before } = frame
  if (!before) {
    frame.every = every
    return
  }
  const isOne = (step: Every) => step.count === 1 && !isShort(step)
  if (before.unit === every.unit || (!isOne(before) && !isOne(every)))
    throw cursor.misread('is a second answer to how often', [cursor.without(at, cursor.at)], at)
  // "every 15 minutes every day" are the minutes
  const isLonger = order.indexOf(every.unit) > order.indexOf(before.unit)
  if (isOne(before) && isOne(every) ? isLonger : isOne(before)) frame.every = every
}
