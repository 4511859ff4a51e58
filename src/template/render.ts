import { AppError } from '../ground/errors.ts'
import { parseTemplate, wholeName } from './parse.ts'
import { deepest } from './walk.ts'

/**
 * By whole names: `job.id`, `secrets.TOKEN`. `input` holds all of it; what `input.<path>` means is found in there. A name
 * without a value (or with null) leaves its place empty.
 */
export type Values = Readonly<Record<string, unknown>>

/** So large may a text be that was made, or all texts of a JSON value together: bytes of UTF-8. */
const mostBytes = 1024 * 1024

/**
 * The text with its values in their places: texts as they are, everything else as JSON. `encode` is applied to each
 * value, and not to the author's text.
 *
 * @throws AppError FIELD_INVALID: as `parseTemplate`, or the result is larger than 1 MiB.
 */
export function render(text: string, values: Values, { encode = asIs }: { encode?: Encode } = {}): string {
  return renderWithin(text, values, encode, { bytes: 0 })
}

/**
 * A JSON value with every text in it rendered. A text that is one template and nothing else becomes the value itself:
 * `"{{attempt}}"` a number, `"{{input}}"` whatever the input is.
 *
 * @throws AppError FIELD_INVALID: as `render`, for all texts together; or the value is nested deeper than 64.
 */
export function renderJson(value: unknown, values: Values): unknown {
  return renderNested(value, values, { bytes: 0 }, 0)
}

type Encode = (value: string) => string
type Size = { bytes: number }

const asIs: Encode = (value) => value

function renderNested(value: unknown, values: Values, size: Size, depth: number): unknown {
  if (typeof value === 'string') {
    const name = wholeName(value)
    if (name === null) return renderWithin(value, values, asIs, size)
    const found = valueOf(name, values) ?? null
    grow(size, textOf(found))
    return found
  }
  if (typeof value !== 'object' || value === null) return value
  if (depth >= deepest)
    throw new AppError('FIELD_INVALID', `Values must not be nested deeper than ${deepest}`)
  if (Array.isArray(value)) return value.map((item) => renderNested(item, values, size, depth + 1))
  // fromEntries defines: a field called __proto__ stays a field
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, renderNested(item, values, size, depth + 1)]),
  )
}

function renderWithin(text: string, values: Values, encode: Encode, size: Size): string {
  let made = ''
  for (const piece of parseTemplate(text)) {
    const next = 'text' in piece ? piece.text : encode(textOf(valueOf(piece.name, values)))
    grow(size, next)
    made += next
  }
  return made
}

function grow(size: Size, text: string): void {
  size.bytes += Buffer.byteLength(text)
  if (size.bytes <= mostBytes) return
  throw new AppError('FIELD_INVALID', `The rendered values exceed the limit of ${mostBytes} bytes`)
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Own fields only: inherited properties are not values. */
function valueOf(name: string, values: Values): unknown {
  if (Object.hasOwn(values, name)) return values[name]
  const [first = '', ...path] = name.split('.')
  return path.length > 0 && Object.hasOwn(values, first) ? path.reduce(step, values[first]) : undefined
}

function step(at: unknown, name: string): unknown {
  if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined
  if (Array.isArray(at) && !/^\d+$/.test(name)) return undefined
  return (at as Record<string, unknown>)[name]
}
