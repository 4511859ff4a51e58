import type { Cursor } from './cursor.ts'
import type { Frame } from './frame.ts'
import { dayGroups, monthNumbers, ordinalWords, weekdayNumbers } from './vocabulary.ts'

type SaidDays = { days: number[]; isPlural: boolean; isGroup: boolean }

/** The weekdays from one to another, over the end of the week where need be. */
function between(first: number, last: number): number[] {
  return Array.from({ length: ((last - first + 7) % 7) + 1 }, (_, index) => (first + index) % 7)
}

function weekdayHere(cursor: Cursor): { day: number; isPlural: boolean } | null {
  const { text } = cursor.peek()
  const day = weekdayNumbers.get(text) ?? weekdayNumbers.get(text.replace(/'?s$/, ''))
  if (day === undefined) return null
  cursor.at += 1
  return { day, isPlural: !weekdayNumbers.has(text) }
}

function rangeSign(cursor: Cursor): boolean {
  return cursor.take('-', 'to', 'through', 'thru', 'until', 'till')
}

/** `weekdays`, `business days`, `weekend`. */
function groupHere(cursor: Cursor): SaidDays | null {
  if (['business', 'working', 'work'].includes(cursor.peek().text) && /^days?$/.test(cursor.peek(1).text)) {
    const isPlural = cursor.peek(1).text === 'days'
    cursor.at += 2
    return { days: [1, 2, 3, 4, 5], isPlural, isGroup: true }
  }
  const { text } = cursor.peek()
  const days = dayGroups.get(text.replace(/s$/, ''))
  if (!days) return null
  cursor.at += 1
  return { days: [...days], isPlural: text.endsWith('s'), isGroup: true }
}

/** Weekdays, ranges of them and their groups, with commas or `and` between them; null: none. */
export function readDays(cursor: Cursor): SaidDays | null {
  const found = cursor.list(() => {
    cursor.take('on', 'every', 'each')
    const group = groupHere(cursor)
    if (group) return group
    const first = weekdayHere(cursor)
    if (!first) return null
    const last = cursor.attempt(() => (rangeSign(cursor) ? weekdayHere(cursor) : null))
    if (last) return { days: between(first.day, last.day), isPlural: true, isGroup: true }
    return { days: [first.day], isPlural: first.isPlural, isGroup: false }
  })
  if (!found) return null
  return {
    days: [...new Set(found.flatMap(({ days }) => days))].toSorted((a, b) => a - b),
    isPlural: found.length > 1 || found.some(({ isPlural }) => isPlural),
    isGroup: found.some(({ isGroup }) => isGroup),
  }
}

/** `first`, `2nd`, `last` (`L`); null: none. */
function readOrdinal(cursor: Cursor): number | 'L' | null {
  const { kind, text } = cursor.peek()
  const found =
    text === 'last' || text === 'final'
      ? 'L'
      : kind === 'ordinal'
        ? Number.parseInt(text, 10)
        : ordinalWords.get(text)
  if (found === undefined) return null
  cursor.at += 1
  return found
}

/** `the 1st and 15th`, `first monday`, `last day`, `last weekday`, in a month unless the frame says otherwise. */
export function readPlaces(cursor: Cursor, frame: Frame): boolean {
  const start = cursor.at
  cursor.take('the')
  const places = cursor.list(() => {
    cursor.take('the')
    return readOrdinal(cursor)
  })
  if (!places) {
    cursor.at = start
    return false
  }
  const weekday = weekdayHere(cursor)
  const group = weekday ? null : groupHere(cursor)
  if (!weekday && !group) cursor.take('day', 'days')
  for (const place of places) {
    if (weekday) {
      if (place !== 'L' && (place < 1 || place > 5))
        throw cursor.misread('is not a place: a month has 1 to 5 of each weekday', [], start)
      frame.nth.push(`${weekday.day}#${place}`)
    } else if (group) {
      if (group.days.length !== 5 || (place !== 'L' && place !== 1))
        throw cursor.misread(
          'can be the first or the last of the weekdays only',
          ['last weekday of the month at 6pm'],
          start,
        )
      frame.dates.push(place === 'L' ? 'LW' : '1W')
    } else {
      if (place !== 'L' && (place < 1 || place > 31))
        throw cursor.misread('is not a day of a month (1 to 31)', ['on the 1st of every month at 9am'], start)
      frame.dates.push(String(place))
    }
  }
  readOf(cursor, frame)
  return true
}

/** `of the month`, `of every month`, `in january`, `each quarter`. */
function readOf(cursor: Cursor, frame: Frame): void {
  cursor.attempt(() => {
    const isOf = cursor.take('of', 'in')
    const isEach = cursor.take('the', 'each', 'every', 'a', 'any', 'per')
    const months = readMonths(cursor)
    if (months && (isOf || isEach)) {
      frame.months.push(...months)
      return true
    }
    if (!isOf && !isEach) return null
    if (cursor.take('month', 'months')) return setMonths(frame, null)
    if (cursor.take('quarter')) {
      // the last day of a quarter is in its last month
      return setMonths(
        frame,
        frame.dates.some((date) => date.startsWith('L')) || frame.nth.some((item) => item.endsWith('L'))
          ? [3, 6, 9, 12]
          : [1, 4, 7, 10],
      )
    }
    if (cursor.take('year')) {
      return setMonths(frame, [frame.dates.some((date) => date.startsWith('L')) ? 12 : 1])
    }
    return null
  })
}

function setMonths(frame: Frame, months: number[] | null): true {
  frame.every ??= { count: 1, unit: 'month', isOther: false }
  if (months) frame.months.push(...months)
  return true
}

/** Months and ranges of them, with commas or `and` between them; null: none. */
export function readMonths(cursor: Cursor): number[] | null {
  const found = cursor.list(() => {
    const first = monthHere(cursor)
    if (first === null) return null
    const last = cursor.attempt(() => (rangeSign(cursor) ? monthHere(cursor) : null)) ?? first
    return Array.from(
      { length: ((last - first + 12) % 12) + 1 },
      (_, index) => ((first - 1 + index) % 12) + 1,
    )
  })
  return found && [...new Set(found.flat())].toSorted((a, b) => a - b)
}

export function monthHere(cursor: Cursor): number | null {
  const month = monthNumbers.get(cursor.peek().text)
  if (month === undefined || cursor.peek().text === '-') return null
  cursor.at += 1
  return month
}
