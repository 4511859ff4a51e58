/** A piece of prose and the line that it begins on. */
export type Prose = { line: number; text: string }

/** What people read in a page: without code blocks, inline code and quotations, line by line. */
export function proseOfPage(page: string): Prose[] {
  const bare = page
    .replaceAll(/^```[^]*?^```$/gm, blank)
    .replaceAll(/^ {4}.*$/gm, blank)
    .replaceAll(/`[^`\n]*`|"[^"\n]*"/g, blank)
  return bare.split('\n').map((text, index) => ({ line: index + 1, text }))
}

/** What people read in a source file: its comments, and the strings that are sentences. */
export function proseOfSource(source: string): { comments: Prose[]; texts: Prose[] } {
  const comments: Prose[] = []
  const texts: Prose[] = []
  for (const { kind, at, text } of scan(source)) {
    const line = source.slice(0, at).split('\n').length
    const lines = text.replaceAll(/`[^`\n]*`/g, blank).split('\n')
    const into = kind === 'comment' ? comments : texts
    if (kind === 'comment' || isSentence(text))
      into.push(...lines.map((one, index) => ({ line: line + index, text: one })))
  }
  return { comments, texts }
}

/** Two words in a row that are not SQL: a template may end in so few. */
function isSentence(text: string): boolean {
  return (
    /[a-z]+ [a-z]+/.test(text) && !/^\s*(select|insert|update|delete|with|from|create|alter)\b/i.test(text)
  )
}

const blank = (text: string) => text.replaceAll(/[^\n]/g, ' ')

type Piece = { kind: 'comment' | 'string'; at: number; text: string }

/** Where a `/` after this begins a regular expression and not a division. */
const beforeRegex = /[=(,:[!&|?{};]|\breturn$/

function* scan(source: string): Generator<Piece> {
  const token =
    /\/\/(?<line>[^\n]*)|\/\*(?<block>[^]*?)\*\/|'(?<single>(?:[^'\\\n]|\\.)*)'|"(?<double>(?:[^"\\\n]|\\.)*)"|(?<open>`)|(?<slash>\/)|(?<brace>[{}])/g
  // for each brace that is open: whether it is that of a `${…}` in a template
  const braces: boolean[] = []
  let code = 0
  for (let found = token.exec(source); found; found = token.exec(source)) {
    const { line, block, single, double, open, slash, brace } = found.groups ?? {}
    const comment = line ?? block
    const string = single ?? double
    if (comment !== undefined) yield { kind: 'comment', at: found.index, text: comment }
    else if (string !== undefined) yield { kind: 'string', at: found.index, text: string }
    else if (slash && beforeRegex.test(source.slice(code, found.index).trimEnd().slice(-6) || ';'))
      token.lastIndex +=
        /^(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])*\//.exec(source.slice(token.lastIndex))?.[0].length ?? 0
    else if (brace === '{') braces.push(false)
    else if (open || (brace === '}' && braces.pop())) {
      const rest = /^(?:[^`\\$]|\\[^]|\$(?!\{))*/.exec(source.slice(token.lastIndex))?.[0] ?? ''
      yield { kind: 'string', at: found.index, text: rest }
      const isValue = source[token.lastIndex + rest.length] === '$'
      token.lastIndex += rest.length + (isValue ? 2 : 1)
      if (isValue) braces.push(true)
    }
    if (comment === undefined) code = token.lastIndex - 1
  }
}
