import { isUtf8 } from 'node:buffer'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AppError } from '../src/ground/errors.ts'
import { keepsItsValue } from './json-number.ts'
import { writtenPath } from './path.ts'

const maxBytes = 256 * 1024
const deepest = 64
const mostValues = 50_000

type Options = {
  /**
   * Numbers that JavaScript cannot hold are refused, unless this is true: then each stands in the value as its source,
   * which `JSON.stringify` writes as it is.
   */
  keepsNumbers?: boolean
}

/** Bodies of `scope` are JSON, read as `readJson` says; an empty body is no body, whatever its type is said to be. */
export function acceptJson(scope: FastifyInstance, options: Options = {}): void {
  scope.removeContentTypeParser('application/json')
  scope.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer', bodyLimit: maxBytes },
    async (_request: FastifyRequest, body: Buffer) => readJson(body, options),
  )
}

/**
 * The JSON of a body as a value; undefined if the body is empty. What `JSON.parse` would silently change or drop is
 * refused: bytes that are not UTF-8, numbers that lose digits, a name that stands twice in one object, `__proto__`. So
 * are more than 50,000 values and more than 64 levels, before anything walks them.
 *
 * @throws AppError BODY_NOT_JSON, FIELD_INVALID
 * @internal Exported for tests.
 */
export function readJson(body: Buffer, { keepsNumbers = false }: Options = {}): unknown {
  if (body.length === 0) return undefined
  if (!isUtf8(body))
    throw new AppError('BODY_NOT_JSON', 'The body is not UTF-8, so it is not JSON. Send it as UTF-8.')
  // a byte order mark may be ignored (RFC 8259, 8.1)
  const text = body.toString().replace(/^\ufeff/, '')
  const value = parse(text)
  const inexact = scan(text)
  if (inexact.length === 0) return value
  if (keepsNumbers) return JSON.parse(text, keepNumber)
  throw refused(inexact.map(numberProblem))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AppError('BODY_NOT_JSON', 'The body is not JSON', { cause })
  }
}

// TypeScript's library does not have them yet.
// https://developer.mozilla.org/docs/Web/JavaScript/Reference/Global_Objects/JSON/rawJSON
const { rawJSON } = JSON as unknown as { rawJSON(text: string): object }
type Context = { source?: string }

function keepNumber(this: unknown, _name: string, value: unknown, context?: Context): unknown {
  const source = context?.source
  return typeof value === 'number' && source !== undefined && !keepsItsValue(source) ? rawJSON(source) : value
}

type Frame = { names: Set<string> | null; at: string | number }
type Inexact = { path: string; source: string }

/** How many numbers are named in one refusal. */
const mostNamed = 10

/**
 * One pass over a text that is known to be JSON: the numbers in it that lose their value.
 *
 * @throws AppError BODY_NOT_JSON: `__proto__`; FIELD_INVALID: too deep, too many values, a name twice
 */
function scan(text: string): Inexact[] {
  const inexact: Inexact[] = []
  const frames: Frame[] = []
  let values = 0
  const path = () => writtenPath(frames.map(({ at }) => at))
  const count = () => {
    values += 1
    if (values > mostValues)
      throw refused([problem('', `the body has more than ${mostValues} values. Send fewer.`)])
  }
  for (let index = 0; index < text.length; index++) {
    const frame = frames.at(-1)
    switch (text.charAt(index)) {
      case '"': {
        const end = endOfText(text, index)
        if (frame?.names && isName(text, end)) noteName(frame, text.slice(index, end + 1), path)
        else count()
        index = end
        break
      }
      case '{':
      case '[':
        count()
        if (frames.length >= deepest)
          throw refused([
            problem(path(), `the value is nested deeper than ${deepest} levels. Send a flatter one.`),
          ])
        frames.push(text.charAt(index) === '{' ? { names: new Set(), at: '' } : { names: null, at: 0 })
        break
      case '}':
      case ']':
        frames.pop()
        break
      case ',':
        if (frame && !frame.names) frame.at = Number(frame.at) + 1
        break
      case 't':
      case 'f':
      case 'n':
        count()
        index += text[index] === 'f' ? 4 : 3
        break
      case ':':
      case ' ':
      case '\n':
      case '\r':
      case '\t':
        break
      default: {
        count()
        const source = numberAt(text, index)
        if (inexact.length < mostNamed && !keepsItsValue(source)) inexact.push({ path: path(), source })
        index += source.length - 1
      }
    }
  }
  return inexact
}

/** The index of the quote that ends the text that begins at `from`. */
function endOfText(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0
    while (text[end - 1 - backslashes] === '\\') backslashes += 1
    if (backslashes % 2 === 0) return end
  }
}

/** In an object a text is a name if a colon follows it. */
function isName(text: string, end: number): boolean {
  blanks.lastIndex = end + 1
  blanks.test(text)
  return text[blanks.lastIndex] === ':'
}

const blanks = /[ \n\r\t]*/y
const number = /[-+.\deE]+/y

function numberAt(text: string, at: number): string {
  number.lastIndex = at
  return number.exec(text)?.[0] ?? ''
}

function noteName(frame: Frame, quoted: string, path: () => string): void {
  const name = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1)
  const isTwice = frame.names?.has(name) ?? false
  frame.names?.add(name)
  frame.at = name
  if (name === '__proto__')
    throw new AppError('BODY_NOT_JSON', `${path()}: this name is not allowed. Remove the field.`)
  if (isTwice)
    throw refused([problem(path(), 'this name occurs more than once in its object. Send it once.')])
}

function numberProblem({ path, source }: Inexact): Problem {
  const shown = source.length > 60 ? `${source.slice(0, 60)}…` : source
  return problem(
    path,
    `the number ${shown} would be changed, because it is read as a 64-bit float. Send it as a text.`,
  )
}

type Problem = { path: string; message: string }

function problem(path: string, sentence: string): Problem {
  return { path, message: path ? `${path}: ${sentence}` : sentence }
}

function refused(errors: Problem[]): AppError {
  return new AppError('FIELD_INVALID', errors.map(({ message }) => message).join('; '), { extra: { errors } })
}
