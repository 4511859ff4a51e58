import { Misread } from './misread.ts'
import { plain, type Token, tokensOf } from './tokens.ts'

const nothing: Token = { kind: 'unknown', text: '', start: 0, end: 0 }

/** A phrase that is being read from left to right. */
export class Cursor {
  at = 0
  readonly text: string
  readonly tokens: Token[]

  constructor(text: string) {
    this.text = text
    this.tokens = tokensOf(plain(text))
  }

  get isAtEnd(): boolean {
    return this.at >= this.tokens.length
  }

  peek(ahead = 0): Token {
    return this.tokens[this.at + ahead] ?? nothing
  }

  /** Steps over the next token if it is one of these words or signs. */
  take(...words: string[]): boolean {
    if (this.isAtEnd || !words.includes(this.peek().text)) return false
    this.at += 1
    return true
  }

  /** Steps over the words, if they come next and in this order. */
  takeAll(...words: string[]): boolean {
    if (!words.every((word, index) => this.peek(index).text === word)) return false
    this.at += words.length
    return true
  }

  /** What `read` finds; null: it found nothing, and the cursor stands where it stood. */
  attempt<T>(read: (cursor: Cursor) => T | null): T | null {
    const before = this.at
    const found = read(this)
    if (found === null) this.at = before
    return found
  }

  /** One or more of what `read` finds, with commas, `and`, `&` or `+` between them; null: none. */
  list<T>(read: (cursor: Cursor) => T | null): T[] | null {
    const first = this.attempt(read)
    if (first === null) return null
    const found = [first]
    for (;;) {
      const next = this.attempt(() => {
        const hasComma = this.take(',')
        if (!this.take('and', '&', '+', '/', 'or') && !hasComma) return null
        return read(this)
      })
      if (next === null) return found
      found.push(next)
    }
  }

  /** The text as it was typed, from one token up to another (exclusive). */
  typed(from: number, to = from + 1): string {
    return this.text.slice(this.tokens[from]?.start ?? 0, this.tokens[to - 1]?.end ?? this.text.length)
  }

  /** The text without the tokens from one up to another (exclusive). */
  without(from: number, to = from + 1): string {
    return this.with('', from, to)
  }

  /** The text in two rules, the second one from this token on; the `and` or the comma before it goes. */
  parted(at: number): string {
    const isThere = (index: number, words: string[]) => words.includes(this.tokens[index]?.text ?? '')
    const first = isThere(at - 1, ['every', 'each', 'on']) ? at - 1 : at
    let end = first
    while (isThere(end - 1, [',', 'and', '&'])) end -= 1
    const before = this.text.slice(0, this.tokens[end]?.start ?? 0).trim()
    return `${before}; ${this.text.slice(this.tokens[first]?.start ?? 0)}`
  }

  /** The text with other words instead of some tokens. */
  with(words: string, from: number, to = from + 1): string {
    const before = this.text.slice(0, this.tokens[from]?.start ?? this.text.length)
    const after = this.text.slice(this.tokens[to - 1]?.end ?? this.text.length)
    return `${before} ${words} ${after}`
      .replace(/\s+/g, ' ')
      .replace(/ (?=[,;])/g, '')
      .trim()
  }

  /** A refusal that names the token. */
  misread(why: string, tries: string[] = [], at = this.at): Misread {
    return new Misread(at < this.tokens.length ? this.typed(at) : '', why, tries)
  }
}
