import { distance } from '../ground/distance.ts'
import type { AppError } from '../ground/errors.ts'
import { Misread } from './misread.ts'
import { plain, tokensOf } from './tokens.ts'
import { allWords, monthNumbers, weekdayNumbers } from './vocabulary.ts'

const mostShown = 2
const usual = 'every day at 9am'
/** Nothing is guessed of a longer text: each guess is read as a whole, and no one types so much by mistake. */
const longestGuessed = 200
/** Guesses of one kind that are read, at most. */
const mostTried = 64

/**
 * The texts nearest to one that was refused that `isRead` says can be typed instead; at least one. First what the refusal
 * itself proposes, then the word that differs least from the one that was not understood, then the text without it, then
 * what the rest of the text has.
 */
export function nearest(
  text: string,
  error: Misread | AppError,
  isRead: (text: string) => boolean,
): string[] {
  const tries = error instanceof Misread ? [...new Set(error.tries)].slice(0, mostTried) : []
  const proposed = tries.filter((one) => one.length <= longestGuessed && isRead(one))
  if (proposed.length > 0) return proposed.slice(0, mostShown)
  if (text.length > longestGuessed) return [usual]
  const word = error instanceof Misread ? error.word : ''
  const found = [
    ...asInstant(text),
    ...unquoted(text),
    ...respelled(text, 2, mostTried),
    ...withoutWord(text, word),
    ...asCron(text),
    ...fromPieces(text),
  ].find(isRead)
  return [found ?? usual]
}

/** The text with words that are nearly known ones put right: one of them, or two; `most` texts. */
function respelled(text: string, changes: number, most: number): string[] {
  const tokens = tokensOf(plain(text))
  const texts: string[] = []
  for (const { kind, text: word, start, end } of tokens) {
    if (texts.length >= most) break
    if (kind !== 'word' || word.length < 3 || word.length > longestWord || allWords.includes(word)) continue
    for (const right of nearWords(word)) {
      const changed = text.slice(0, start) + right + text.slice(end)
      texts.push(changed)
      if (changes > 1) texts.push(...respelled(changed, changes - 1, most - texts.length))
    }
  }
  return texts.slice(0, most)
}

const longestWord = Math.max(...allWords.map(({ length }) => length)) + 2
const mostNear = 3

function nearWords(word: string): string[] {
  return allWords
    .map((known) => ({ known, away: distance(word, known) }))
    .filter(({ known, away }) => away <= (word.length > 4 && known[0] === word[0] ? 2 : 1))
    .toSorted((a, b) => a.away - b.away)
    .slice(0, mostNear)
    .map(({ known }) => known)
}

function withoutWord(text: string, word: string): string[] {
  if (word === '') return []
  const start = text.toLowerCase().indexOf(word.toLowerCase())
  if (start < 0) return []
  const [before, after] = [text.slice(0, start), text.slice(start + word.length)]
  const tidied = [`${before}${after}`, before, after].map((part) => part.replace(/\s+/g, ' ').trim())
  return tidied.map(withoutEnd).filter(Boolean)
}

/** Without the words and marks at its end that something is to follow. */
function withoutEnd(text: string): string {
  const words = text.split(' ')
  while (words.length > 0 && leading.has(bare(words.at(-1) ?? ''))) words.pop()
  const last = words.pop()
  return last === undefined ? '' : [...words, bare(last)].join(' ')
}

const leading = new Set(['', 'and', 'at', 'on', 'in', 'of'])
const bare = (word: string) => (/[,;]$/.test(word) ? word.slice(0, -1) : word)

/** Seconds since 1970, the basic form of ISO 8601, and `24.12.`. */
function asInstant(text: string): string[] {
  const [, seconds] = /^@?(\d{10})(?:\d{3})?$/.exec(text) ?? []
  if (seconds) return [new Date(Number(seconds) * 1000).toISOString().replace('.000', '')]
  const basic = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?(Z?))?$/i.exec(text)
  if (basic) {
    const [, year, month, day, hour = '09', minute = '00', second = '00', zone = ''] = basic
    return [`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`]
  }
  const [, first = '', middle = '', end = '', rest = ''] =
    /^(\d{1,4})-(\d{1,2})-(\d{1,4})( .*)?$/.exec(text) ?? []
  const two = (digits: string) => digits.padStart(2, '0')
  if (first.length === 4) return [`${first}-${two(middle)}-${two(end)}${rest.replace(/ (?=\d:)/, ' 0')}`]
  if (end.length === 4 && Number(first) > 12) return [`${end}-${two(middle)}-${two(first)}${rest}`]
  const [, day = '', month = ''] = /(?<![\d.])(\d{1,2})\.(\d{1,2})\.(?!\d)/.exec(text) ?? []
  const name = [...monthNumbers].find(([long, number]) => long.length > 3 && number === Number(month))?.[0]
  return name ? [text.replace(`${day}.${month}.`, `${day} ${name}`)] : []
}

/** What a file of another scheduler has around it. */
function unquoted(text: string): string[] {
  const plainer = text
    .replace(/^-? ?(?:cron|schedule|OnCalendar)[:=] ?/i, '')
    .replace(/^(["'`])(.*)\1$/, '$2')
    .replace(/^@(.+)$/, (_, name: string) => name.replaceAll('_', ' '))
    .replaceAll(/[()]/g, '')
    .trim()
  return plainer === text ? [] : [plainer]
}

/** Cron with one field less strict. */
function asCron(text: string): string[] {
  const fields = text.split(' ')
  if (!/^[\d*@H]/.test(text) || fields.length < 4 || fields.length > 8) return []
  const isTime = (index: number) => index >= fields.length - 5 && index < fields.length - 3
  const lasts = [59, 23, 31, 12, 6]
  const closed = fields.map((field, index) =>
    field.replaceAll(/(^|,)0\/(?=\d)/g, '$1*/').replaceAll(/(^|,)(\d+)\/(?=\d)/g, `$1$2-${lasts[index]}/`),
  )
  return [
    ...(fields.length === 5 ? [closed.join(' ')] : []),
    // a line of a crontab
    ...(/[a-z./]{2}/i.test(fields.slice(5).join('')) ? [fields.slice(0, 5).join(' ')] : []),
    ...fields.flatMap((_, index) => (isTime(index) ? [fields.with(index, '0').join(' ')] : [])),
    ...fields.map((_, index) => fields.with(fields.length - 1 - index, '*').join(' ')),
    [...fields, '*'].join(' '),
    fields.slice(0, 5).join(' '),
  ]
}

/** A common phrase with the weekday and the time of day that the text has. */
function fromPieces(text: string): string[] {
  const tokens = tokensOf(plain(text))
  const clock = tokens.find(({ kind }) => kind === 'clock')?.text ?? '9am'
  const day = tokens
    .find(({ text: word }) => weekdayNumbers.has(word.replace(/s$/, '')))
    ?.text.replace(/s$/, '')
  const duration = /(?<!\d)(\d{1,4}) ?w/.exec(plain(text))?.[1]
  const candidates = [
    ...(duration ? [`every ${duration} week${duration === '1' ? '' : 's'}`] : []),
    ...(day && weekdayNumbers.has(day) ? [`every ${day} at ${clock}`, `every ${day} at 9am`] : []),
    `every day at ${clock}`,
  ]
  return candidates
}
