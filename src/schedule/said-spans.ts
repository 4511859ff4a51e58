import type { Cursor } from './cursor.ts'
import type { Frame } from './frame.ts'
import { readDate } from './said-dates.ts'
import { readTime } from './said-times.ts'
import { monthNumbers } from './vocabulary.ts'

/** `until 2027-01-01`, `starting 2027-01-01`: both days count. */
export function readBounds(cursor: Cursor, frame: Frame): boolean {
  const start = cursor.at
  const isEnd = cursor.take('until', 'till', 'ending')
  if (!isEnd && !cursor.take('starting', 'from', 'beginning')) return false
  cursor.take('on')
  const at = cursor.at
  const date = readDate(cursor)
  if (!date) {
    if (!isEnd && cursor.peek(-1).text !== 'starting') return false
    throw cursor.misread('is not a date (2030-01-31)', [cursor.without(start, cursor.tokens.length)], at)
  }
  if (date.year === null)
    throw cursor.misread(
      'has no year',
      // this year's, or the one after it
      ['2030', '2031'].map((year) => cursor.with(`${cursor.typed(at, cursor.at)} ${year}`, at, cursor.at)),
      at,
    )
  if (isEnd) frame.until = `${isoOf(date)}T23:59:59`
  else frame.from = `${isoOf(date)}T00:00`
  const last = isEnd
    ? null
    : cursor.attempt(() => (cursor.take('to', '-', 'through') ? readDate(cursor) : null))
  if (last?.year) frame.until = `${isoOf(last)}T23:59:59`
  return true
}

function isoOf({ year, month, day }: { year: number | null; month: number; day: number }): string {
  return Temporal.PlainDate.from({ year: year ?? 0, month, day }).toString()
}

/** `between 9am and 5pm`, `from 9 to 17`, `9am-5pm`. */
export function readWindow(cursor: Cursor, frame: Frame): boolean {
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
  const isSpan = frame.every !== null && cursor.peek(1).text === '-' && cursor.peek(2).kind === 'number'
  const from = readTime(cursor, isNamed || isSpan)
  if (!from) return false
  const isJoined =
    cursor.take('to', '-', 'until', 'till', 'through', 'thru') || (isNamed && cursor.take('and', '&'))
  const to = isJoined ? readTime(cursor, true) : null
  // "from 5 through 15 of december" are days
  if (!to || cursor.peek().text === 'of') return false
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
export function readStarting(cursor: Cursor, frame: Frame): boolean {
  const isStart = cursor.take('starting', 'beginning', 'from')
  if (!isStart) return false
  cursor.take('at', 'from')
  const time = readTime(cursor, true)
  // "starting 1 Nov"
  if (!time || monthNumbers.has(cursor.peek().text)) return false
  frame.startingAt = time.seconds
  return true
}
