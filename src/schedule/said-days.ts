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
  // "mon tue and fri"
  const more = weekdayNumbers.has(cursor.peek().text.replace(/'?s$/, '')) ? readDays(cursor) : null
  if (more) found.push(more)
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

/** `1st`, `last`, `2nd to last`, `day 15`. */
function readPlace(cursor: Cursor): number | string | null {
  cursor.take('the')
  if (cursor.peek().text === 'day' && /^\d{1,2}$/.test(cursor.peek(1).text)) {
    cursor.at += 2
    return Number(cursor.peek(-1).text)
  }
  if (cursor.take('penultimate')) return 'L-1'
  const place = readOrdinal(cursor)
  const isFromEnd = cursor.attempt(() => {
    cursor.take('-')
    if (!cursor.take('to')) return null
    cursor.take('-')
    cursor.take('the')
    return cursor.take('last') || null
  })
  return isFromEnd && typeof place === 'number' && place > 1 ? `L-${place - 1}` : place
}

/** `1, 8 and 15 of the month`, `1 of january and july`. */
function readNumbers(cursor: Cursor): number[] | null {
  return cursor.attempt(() => {
    const numbers = cursor.list(() => (/^\d{1,2}$/.test(cursor.peek().text) ? readNumber(cursor) : null))
    const isOf = cursor.peek().text === 'of'
    return isOf && (numbers ?? []).length > 0 ? numbers : null
  })
}

function readNumber(cursor: Cursor): number {
  cursor.at += 1
  return Number(cursor.peek(-1).text)
}

function fromTheEnd(cursor: Cursor, at: number) {
  return cursor.misread(
    'counts weekdays from the end of the month; the last one, the first to the fifth, and days are read',
    ['last friday of the month at 9am', '2nd to last day of the month at 9am'],
    at,
  )
}

/** `the 1st and 15th`, `first monday`, `last day`, `last weekday`, in a month unless the frame says otherwise. */
export function readPlaces(cursor: Cursor, frame: Frame): boolean {
  const start = cursor.at
  cursor.take('the')
  const named = cursor.at
  const places = readNumbers(cursor) ?? cursor.list(() => readPlace(cursor))
  if (!places) {
    cursor.at = start
    return false
  }
  const weekdays = cursor.list(weekdayHere)
  const group = weekdays ? null : groupHere(cursor)
  if (!weekdays && !group) cursor.take('day', 'days')
  for (const place of places) {
    if (typeof place === 'string' && place !== 'L') {
      if (weekdays || group) throw fromTheEnd(cursor, named)
      frame.dates.push(place)
    } else if (weekdays) {
      if (place !== 'L' && (place < 1 || place > 5))
        throw cursor.misread('is not a place: a month has 1 to 5 of each weekday', [], named)
      frame.nth.push(...weekdays.map(({ day }) => `${day}#${place}`))
    } else if (group) {
      if (group.days.length !== 5 || (place !== 'L' && place !== 1))
        throw cursor.misread(
          'can be the first or the last of the weekdays only',
          ['last weekday of the month at 6pm'],
          named,
        )
      frame.dates.push(place === 'L' ? 'LW' : '1W')
    } else {
      if (place !== 'L' && (place < 1 || place > 31))
        throw cursor.misread('is not a day of a month (1 to 31)', ['on the 1st of every month at 9am'], named)
      frame.dates.push(String(place))
    }
  }
  readOf(cursor, frame)
  return true
}

/** `of the month`, `of every month`, `in january`, `each quarter`. */
function readOf(cursor: Cursor, frame: Frame): void {
  const isStep = ['every', 'each'].includes(cursor.peek(1).text) && !cursor.peek(2).text.startsWith('month')
  const isNamed = monthNumbers.has(cursor.peek(2).text) || ['quarter', 'year'].includes(cursor.peek(2).text)
  if (cursor.peek().text === 'of' && isStep && !isNamed) {
    // "of every other month": the step is read behind it
    cursor.at += 1
    return
  }
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
  if (!found) return null
  const more = cursor.peek().text !== '-' && monthNumbers.has(cursor.peek().text) ? readMonths(cursor) : null
  return [...new Set([...found.flat(), ...(more ?? [])])].toSorted((a, b) => a - b)
}

export function monthHere(cursor: Cursor): number | null {
  const month = monthNumbers.get(cursor.peek().text)
  if (month === undefined || cursor.peek().text === '-') return null
  cursor.at += 1
  return month
}
