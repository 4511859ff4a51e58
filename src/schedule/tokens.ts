/** A piece of a phrase, with its place in the text (`end` exclusive). */
export type Token = {
  kind:
    | 'word'
    | 'number'
    | 'ordinal'
    | 'clock'
    | 'duration'
    | 'date'
    | 'minute'
    | 'offset'
    | 'sign'
    | 'unknown'
  text: string
  start: number
  end: number
}

const unitLetters =
  'days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s|weeks?|wks?|w|months?|mos?|years?|yrs?|y'

/** In the order in which they are tried; a time of day such as `9.30` is a number too, and `9am` a number and a word. */
const forms: [Token['kind'], RegExp][] = [
  ['date', /\d{4}-\d{2}-\d{2}(?!\d)/y],
  ['date', /\d{1,4}[./]\d{1,2}[./]\d{2,4}(?!\d)/y],
  ['offset', /(?:(?:utc|gmt) ?[+-] ?\d{1,2}(?::?\d{2})?|\+\d{2}:\d{2})(?!\d)/y],
  ['clock', /\d{1,2}(?:[:.]\d{2}){0,2} ?[ap](?:\.m\.?|m)(?![a-z])/y],
  ['clock', /\d{1,2}h\d{2}(?![\da-z])/y],
  ['clock', /\d{1,2}:\d{2}(?::\d{2})?(?!\d)/y],
  ['clock', /\d{3,4} ?[ap](?:\.m\.?|m)(?![a-z])/y],
  ['ordinal', /\d{1,3}(?:st|nd|rd|th)(?![a-z])/y],
  ['duration', new RegExp(`(?:\\d+(?:\\.\\d+)?(?:${unitLetters})(?![a-z]))+`, 'y')],
  ['number', /\d+(?:\.\d+)?(?![a-z\d])/y],
  ['number', /\d+(?=x(?!\p{L}))/uy],
  ['minute', /:\d{2}(?!\d)/y],
  ['word', /\p{L}+(?:'\p{L}+)?/uy],
  ['sign', /[,&+@()/;:-]/y],
  ['unknown', /\S[^\s,;]*/y],
]

/** The pieces of `text`, which is in small letters. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  for (let start = 0; start < text.length; ) {
    if (text[start] === ' ') {
      start += 1
      continue
    }
    const token = tokenAt(text, start)
    tokens.push(token)
    start = token.end
  }
  return tokens
}

function tokenAt(text: string, start: number): Token {
  for (const [kind, form] of forms) {
    form.lastIndex = start
    const found = form.exec(text)?.[0]
    if (found) return { kind, text: found, start, end: start + found.length }
  }
  return { kind: 'unknown', text: text.slice(start), start, end: text.length }
}

/** Small letters, and one way to write what people write in several. Each change keeps the text's length. */
export function plain(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[\u2010-\u2015\u2212]/g, '-')
    .replaceAll(/[\u2018\u2019]/g, "'")
}
