import type { Cursor } from './cursor.ts'
import type { Misread } from './misread.ts'
import {
  allWords,
  instead,
  numberWords,
  units,
  unclear,
  weekdayNumbers,
  zoneAbbreviations,
} from './vocabulary.ts'

/** The refusal of a phrase in which no clause begins at the cursor: it names the word, and what may be meant. */
export function unknownWord(cursor: Cursor): Misread {
  const { text, kind } = cursor.peek()
  if (kind === 'offset') return offset(cursor)
  const zone = zoneAbbreviations.get(text)
  if (zone) return cursor.misread('is not the name of one time zone', [cursor.with(zone, cursor.at)])
  if (text === 'once') {
    // "on friday" is one day, and "friday" is each of them
    const isAt = cursor.peek(1).text === 'at'
    return cursor.misread('is not needed', [cursor.without(cursor.at, cursor.at + (isAt ? 2 : 1))])
  }
  if (text === 'for' && /^\d/.test(cursor.peek(1).text))
    return cursor.misread('says how often in all; give the job `repeat`', [
      cursor.without(cursor.at, cursor.tokens.length),
    ])
  const joined = cursor.peek(1).text === '-' ? `${text}${cursor.peek(2).text}` : ''
  const meant = unclear.get(joined) ?? unclear.get(text)
  if (meant) return cursor.misread('can be read in more than one way', meant)
  const at = instead.has(text) ? cursor.at : cursor.at + nameable(cursor)
  const next = (ahead: number) => cursor.tokens[at + ahead]?.text ?? ''
  const word = next(0)
  if (unclear.has(word)) return cursor.misread('can be read in more than one way', unclear.get(word), at)
  if (/^(few|several)$/.test(word))
    return cursor.misread('is not a number', [cursor.with('3', next(-1) === 'a' ? at - 1 : at, at + 1)], at)
  return cursor.misread('was not understood', tries(cursor, at), at)
}

function tries(cursor: Cursor, at: number): string[] {
  const word = cursor.tokens[at]?.text ?? ''
  const next = (ahead: number) => cursor.tokens[at + ahead]?.text ?? ''
  if (word === 'every' && cursor.tokens[at + 1]?.kind === 'clock') return [cursor.with('every day at', at)]
  const replaced = instead.get(word)
  if (replaced) return replaced.flatMap((words) => [cursor.with(words, at), words])
  if (word === 'm' && next(1) === '-' && next(2) === 'f') return [cursor.with('Mon-Fri', at, at + 3)]
  const [, number = ''] = /^(\d{1,2})$/.exec(word) ?? []
  if (number === '') return cityTries(cursor, at)
  if (next(1) === ',' && /^\d+$/.test(next(2))) return [cursor.with(`${number}.${next(2)}`, at, at + 3)]
  if (next(1) === '-') return [cursor.with(`from ${number}-${next(2)}`, at, at + 3)]
  return [cursor.with(`at ${number}`, at), cursor.with(`${number}th`, at)]
}

/** `every day at 9am Berlin time`. */
function cityTries(cursor: Cursor, at: number): string[] {
  const city = cursor.typed(at).toLowerCase()
  const zone = Intl.supportedValuesOf('timeZone').find((name) => name.toLowerCase().endsWith(`/${city}`))
  if (!zone) return []
  return [cursor.with(zone, at, cursor.tokens[at + 1]?.text === 'time' ? at + 2 : at + 1)]
}

/** `9am +02:00`: exactly that, by the names of the zones whose offset stays. */
function offset(cursor: Cursor): Misread {
  const [, sign = '+', hours = '0', minutes = '0'] =
    /([+-]) ?(\d{1,2}):?(\d{2})?/.exec(cursor.peek().text) ?? []
  const zone = Number(minutes) === 0 ? `Etc/GMT${sign === '+' ? '-' : '+'}${Number(hours)}` : 'Asia/Kolkata'
  return cursor.misread('is an offset, which does not follow clock changes; name a time zone', [
    cursor.with(zone, cursor.at),
  ])
}

const leading = ['every', 'each', 'in', 'at', 'on', 'the', 'from', 'of', 'all']

/** How far ahead the word is that is to be named: of "5 apples" and "at dawn" it is not the first one. */
function nameable(cursor: Cursor): number {
  const { text } = cursor.peek()
  if (!leading.includes(text) && !/^\d/.test(text)) return 0
  const ahead = cursor.tokens.slice(cursor.at)
  const unknown = ahead.findIndex(
    ({ kind, text: word }) => kind === 'unknown' || (kind === 'word' && !isKnown(word)),
  )
  if (unknown >= 0 && unknown <= 3) return unknown
  return ahead.length > 1 && leading.includes(text) && !isKnown(ahead[1]?.text ?? '') ? 1 : 0
}

const isKnown = (word: string) =>
  allWords.includes(word) ||
  leading.includes(word) ||
  units.has(word) ||
  weekdayNumbers.has(word) ||
  numberWords.has(word)
