import type { Cursor } from './cursor.ts'
import { numberWords } from './vocabulary.ts'

/** `isBare`: an hour from 1 to 12 without anything that tells morning from afternoon. */
export type SaidTime = { seconds: number; isBare: boolean }

const clockForm = /^(\d{1,2})(?:[:.h](\d{2}))?(?::(\d{2}))? ?(?:([ap])\.?m\.?)?$/
const digitsForm = /^(\d{1,2})(\d{2}) ?(?:([ap])\.?m\.?)?$/

/**
 * A time of day: `9am`, `9:30 pm`, `14:30`, `9.30`, `0900`, `noon`, `half past 9`, `9 o'clock`, or (`bare`) an hour alone.
 * Null: none stands here.
 *
 * @throws Misread such as 25:00
 */
export function readTime(cursor: Cursor, bare: boolean): SaidTime | null {
  return cursor.attempt(() => readNamed(cursor) ?? readSpoken(cursor) ?? readDigits(cursor, bare))
}

function readNamed(cursor: Cursor): SaidTime | null {
  const before = cursor.at
  if (cursor.peek().text === '12' && ['noon', 'midday', 'midnight'].includes(cursor.peek(1).text))
    cursor.at += 1
  if (cursor.take('noon', 'midday')) return { seconds: 43_200, isBare: false }
  if (cursor.take('midnight')) return { seconds: 0, isBare: false }
  cursor.at = before
  return null
}

/** `half past 9`, `quarter to 5`, `10 past 9 pm`. */
function readSpoken(cursor: Cursor): SaidTime | null {
  return cursor.attempt(() => {
    cursor.take('a')
    const minutes = readMinutes(cursor)
    if (minutes === null) return null
    const isPast = cursor.take('past', 'after')
    // "9 to 17" is a span
    const isWord = !/^\d/.test(cursor.peek(-1).text)
    if (!isPast && !(isWord && cursor.take('to', 'before'))) return null
    const hour = readNamed(cursor) ?? readDigits(cursor, true)
    if (!hour) return null
    const seconds = hour.seconds + (isPast ? minutes : -minutes) * 60
    return { seconds: (seconds + 86_400) % 86_400, isBare: hour.isBare }
  })
}

export function readMinutes(cursor: Cursor): number | null {
  if (cursor.take('half')) return 30
  if (cursor.take('quarter')) return 15
  const minutes = readCount(cursor)
  if (minutes === null || minutes > 59 || !Number.isInteger(minutes)) return null
  cursor.take('minutes', 'minute', 'mins', 'min')
  return minutes
}

function readDigits(cursor: Cursor, bare: boolean): SaidTime | null {
  const { kind, text } = cursor.peek()
  const isNumber = kind === 'number'
  if (kind !== 'clock' && !isNumber) return bare ? readHourWord(cursor) : null
  if (
    isNumber &&
    !bare &&
    !/^[01]\d[0-5]\d$/.test(text) &&
    cursor.peek(1).text !== "o'clock" &&
    cursor.peek(1).text !== 'o'
  )
    return null
  const groups = clockForm.exec(text) ?? digitsForm.exec(text)
  if (!groups) throw notATime(cursor)
  const half = groups.at(-1) && `${groups.at(-1)}m`
  const [hour = 0, minute = 0, second = 0] = groups
    .slice(1, 4)
    .map((digits) => Number.parseInt(digits ?? '0', 10) || 0)
  const isRight = half ? hour >= 1 && hour <= 12 : hour <= 23
  if (!isRight || minute > 59 || second > 59) throw notATime(cursor)
  cursor.at += 1
  const isSpoken = cursor.take("o'clock") || cursor.takeAll('o', 'clock')
  const said = half ?? (isSpoken || isNumber ? readHalf(cursor) : undefined)
  cursor.take('sharp')
  const hourOfDay = said && hour <= 12 ? (hour % 12) + (said === 'pm' ? 12 : 0) : hour
  const isBare = !said && text.length <= 2 && hour >= 1 && hour <= 12
  return { seconds: hourOfDay * 3600 + minute * 60 + second, isBare }
}

/** `at nine`: a number in words. */
function readHourWord(cursor: Cursor): SaidTime | null {
  const hour = numberWords.get(cursor.peek().text)
  if (hour === undefined || hour > 12 || cursor.peek().text.length < 3) return null
  cursor.at += 1
  cursor.take("o'clock")
  const said = readHalf(cursor)
  return { seconds: (said ? (hour % 12) + (said === 'pm' ? 12 : 0) : hour) * 3600, isBare: !said }
}

function readHalf(cursor: Cursor): string | undefined {
  if (cursor.take('am') || cursor.takeAll('in', 'the', 'morning')) return 'am'
  if (cursor.take('pm') || cursor.takeAll('in', 'the', 'afternoon') || cursor.takeAll('in', 'the', 'evening'))
    return 'pm'
  return undefined
}

function notATime(cursor: Cursor) {
  const at = cursor.at
  const { text } = cursor.peek()
  const minute = /^[0-5]?\d$/.test(text) ? [`hourly at :${text.padStart(2, '0')}`] : []
  const midnight = /^24(?:[:.]?00)?$/.test(text) ? [cursor.with('00:00', at)] : []
  const tries = [...midnight, ...minute, cursor.with('9am', at), cursor.with('at 9am', at)]
  return cursor.misread('is not a time of day (00:00 to 23:59, or 1am to 12pm)', tries)
}

/** Times with commas or `and` between them; an hour alone counts where the others may not be told from it. */
export function readTimes(cursor: Cursor, bare: boolean): SaidTime[] | null {
  const start = cursor.at
  const first = readTime(cursor, bare)
  if (!first) return null
  cursor.at = start
  const times = cursor.list(() => {
    cursor.take('at', '@')
    return followsNumber(cursor) ? null : readTime(cursor, true)
  })
  if (!times) return null
  const isMixed =
    times.some(({ isBare }) => isBare) && times.some(({ isBare, seconds }) => !isBare && seconds >= 46_800)
  if (isMixed && /[ap]m/.test(cursor.typed(start, cursor.at).toLowerCase()))
    throw cursor.misread(
      'may be in the morning or in the afternoon; write am or pm behind each hour',
      [cursor.with(times.map(({ seconds }) => clockText(seconds)).join(' and '), start, cursor.at)],
      start,
    )
  return times
}

/** Whether the number here counts something, or begins a date. */
function followsNumber(cursor: Cursor): boolean {
  return (
    cursor.peek().kind === 'number' &&
    /^(minutes?|mins?|hours?|times?|days?|weeks?|months?|x)$/.test(cursor.peek(1).text)
  )
}

/** As a person may type it. */
export function clockText(seconds: number): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const rest = seconds % 60
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}${rest ? `:${two(rest)}` : ''}`
}

/** `5`, `1.5`, `five`, `a`, `an`, `a couple of`; null: no number. */
export function readCount(cursor: Cursor): number | null {
  const { kind, text } = cursor.peek()
  if (kind === 'number') {
    cursor.at += 1
    return Number(text)
  }
  const isCouple = text === 'a' && cursor.peek(1).text === 'couple'
  if (isCouple) cursor.at += 1
  const count = numberWords.get(cursor.peek().text)
  if (count === undefined) return null
  cursor.at += 1
  if (count >= 20 && cursor.peek().text === '-') cursor.at += 1
  const units = count >= 20 ? (numberWords.get(cursor.peek().text) ?? 0) : 0
  if (units > 0 && units < 10 && cursor.peek().text.length > 2) cursor.at += 1
  cursor.take('of')
  return count + (units > 0 && units < 10 ? units : 0)
}
