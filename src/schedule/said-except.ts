import type { Cursor } from './cursor.ts'
import { emptyFrame, type Frame } from './frame.ts'
import { readDate } from './said-dates.ts'
import { readDays, readMonths, readPlaces } from './said-days.ts'

const two = (value: number) => String(value).padStart(2, '0')
const everySecond = '* * *'

/** `except sundays`, `but not on 2026-12-24`, `excluding the first monday of the month`. Whole days are left out. */
export function readException(cursor: Cursor, frame: Frame): boolean {
  const isThere =
    cursor.take('except', 'excluding', 'without') ||
    cursor.takeAll('but', 'not') ||
    cursor.takeAll('other', 'than') ||
    cursor.take('not')
  if (!isThere) return false
  cursor.take('for')
  const found = cursor.list(() => {
    cursor.take('on', 'in')
    return readLeftOut(cursor)
  })
  if (!found) {
    const at = cursor.isAtEnd ? cursor.at - 1 : cursor.at
    throw cursor.misread(
      'is not followed by days that can be left out',
      [cursor.with('except sundays', cursor.at - 1, cursor.tokens.length)],
      at,
    )
  }
  frame.except.push(...found)
  return true
}

/** The days that stand here, as an `expr` has them; null: none. */
export function readLeftOut(cursor: Cursor): string | null {
  const date = readDate(cursor)
  if (date) {
    if (date.year === null) return `${everySecond} ${date.day} ${date.month} *`
    const first = `${date.year}-${two(date.month)}-${two(date.day)}`
    const last = cursor.attempt(() =>
      cursor.take('to', '-', 'until', 'till', 'through', 'thru') ? readDate(cursor) : null,
    )
    return last?.year ? `${first}..${last.year}-${two(last.month)}-${two(last.day)}` : first
  }
  const days = readDays(cursor)
  if (days) return `${everySecond} * * ${days.days.join(',')}`
  const places = emptyFrame()
  if (readPlaces(cursor, places)) {
    const months = places.months.join(',') || '*'
    return places.nth.length > 0
      ? `${everySecond} * ${months} ${places.nth.join(',')}`
      : `${everySecond} ${places.dates.join(',')} ${months} *`
  }
  const months = readMonths(cursor)
  return months && `${everySecond} * ${months.join(',')} *`
}
