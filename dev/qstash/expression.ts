/**
 * The value of a retry-delay expression of QStash, in milliseconds: numbers, `retried`, + - * / and parentheses, and the
 * functions that its documentation lists. Throws for any other text.
 */
export function evaluate(text: string, retried: number): number {
  const tokens = text.match(/\d+(\.\d+)?|[a-z]+|[-+*/(),]/g) ?? []
  if (tokens.join('') !== text.replace(/\s+/g, '')) throw new Error(`not an expression: ${text}`)
  let at = 0
  const take = (token: string) => tokens[at] === token && ++at > 0

  function sum(): number {
    let value = product()
    for (;;) {
      if (take('+')) value += product()
      else if (take('-')) value -= product()
      else return value
    }
  }

  function product(): number {
    let value = factor()
    for (;;) {
      if (take('*')) value *= factor()
      else if (take('/')) value /= factor()
      else return value
    }
  }

  function factor(): number {
    if (take('-')) return -factor()
    if (take('(')) return closed(sum())
    const token = tokens[at++] ?? ''
    if (token === 'retried') return retried
    if (/^\d/.test(token)) return Number(token)
    const work = functions[token]
    if (!work || !take('(')) throw new Error(`unknown: "${token}" in ${text}`)
    const values = [sum()]
    while (take(',')) values.push(sum())
    return closed(work(...values))
  }

  function closed(value: number): number {
    if (!take(')')) throw new Error(`not closed: ${text}`)
    return value
  }

  const value = sum()
  if (at < tokens.length) throw new Error(`not an expression: ${text}`)
  return value
}

const { pow, sqrt, abs, exp, floor, ceil, round, min, max } = Math
const functions: Record<string, (...values: number[]) => number> = {
  ...{ sqrt, abs, exp, floor, ceil, round, min, max },
  pow: (base = 0, power = 0) => pow(base, power),
}
