/** What is done at a clock change with a local time that the clock skips, or shows twice. */
export type AtChange = { skipped: 'next' | 'skip'; repeated: 'first' | 'second' | 'both' }

/** The parts of an `expr`, as text. */
export type ExprText = {
  rules: string[]
  /** Rules, dates and spans of dates whose times are left out. */
  except: string[]
  /** Local, inclusive; ISO 8601 without an offset. */
  from: string | null
  until: string | null
  /** Null: as docs/schedules.md says for the rule. */
  skipped: AtChange['skipped'] | null
  repeated: AtChange['repeated'] | null
}

export const noParts: ExprText = {
  ...{ rules: [], except: [], from: null, until: null, skipped: null, repeated: null },
}

/** Of one schedule, exceptions included. */
export const mostRules = 30

/** For example `0 9 * * *; 30 17 * * *; except 2026-12-24..2026-12-26; until 2027-06-30T23:59:59; skipped: skip`. */
export function splitExpr(expr: string): ExprText {
  const parts: ExprText = { ...noParts, rules: [], except: [] }
  for (const text of expr.split('; ')) {
    const [word = '', ...rest] = text.split(' ')
    const value = rest.join(' ')
    if (word === 'except') parts.except.push(value)
    else if (word === 'from') parts.from = value
    else if (word === 'until') parts.until = value
    else if (word === 'skipped:') parts.skipped = value === 'skip' ? 'skip' : 'next'
    else if (word === 'repeated:') parts.repeated = value === 'both' || value === 'second' ? value : 'first'
    else parts.rules.push(text)
  }
  return parts
}

export function joinExpr({ rules, except, from, until, skipped, repeated }: ExprText): string {
  return [
    ...rules,
    ...except.map((text) => `except ${text}`),
    ...(from === null ? [] : [`from ${from}`]),
    ...(until === null ? [] : [`until ${until}`]),
    ...(skipped === null ? [] : [`skipped: ${skipped}`]),
    ...(repeated === null ? [] : [`repeated: ${repeated}`]),
  ].join('; ')
}
