import { AppError } from '../ground/errors.ts'

/** A text in pieces: literal text, and names that their values replace. */
export type Template = readonly Piece[]
export type Piece = { text: string } | { name: string }

/** `{{"…"}}` stands for the text between the quotes: the way to write two braces. */
const quoted = /\s*"([^"]*)"\s*\}\}/y

/**
 * The pieces of a text. Blanks around a name do not count; whether a name is known is not asked here. The content of a value
 * is never read as a template.
 *
 * @throws AppError FIELD_INVALID: two braces are opened and not closed.
 */
export function parseTemplate(text: string): Template {
  const pieces: Piece[] = []
  let at = 0
  for (let open = text.indexOf('{{'); open >= 0; open = text.indexOf('{{', at)) {
    if (open > at) pieces.push({ text: text.slice(at, open) })
    const literal = literalAt(text, open + 2)
    const close = literal ? literal.end : text.indexOf('}}', open + 2) + 2
    if (close < open + 2) throw unclosed()
    pieces.push(literal ? { text: literal.text } : { name: text.slice(open + 2, close - 2).trim() })
    at = close
  }
  if (at < text.length) pieces.push({ text: text.slice(at) })
  return pieces
}

/** The name where the text is one template and nothing else; null for every other text. */
export function wholeName(text: string): string | null {
  if (!text.startsWith('{{')) return null
  const [piece, ...more] = parseTemplate(text)
  return piece && 'name' in piece && more.length === 0 ? piece.name : null
}

function literalAt(text: string, at: number): { text: string; end: number } | null {
  quoted.lastIndex = at
  const found = quoted.exec(text)
  return found && { text: found[1] ?? '', end: quoted.lastIndex }
}

function unclosed(): AppError {
  const message = '"{{" has no matching "}}"; write {{"{{"}} for literal braces'
  return new AppError('FIELD_INVALID', message)
}
