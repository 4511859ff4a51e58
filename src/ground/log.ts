import type { FastifyServerOptions } from 'fastify'
import { destination } from 'pino'
import { beginningOf, visible } from './text.ts'

/** As much of a pino logger as the stories use. */
export type Log = {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** For what is worth a line only while a person looks on: it is not written at the usual level. */
export type DetailedLog = Log & { debug(fields: object, message: string): void }

type LogOptions = NonNullable<Exclude<FastifyServerOptions['logger'], boolean>>

/**
 * Logger options: JSON lines on stdout. An allow-list decides what is logged: of an error its class, code, message, stack
 * and causes, of a request its method and path, of other fields numbers, truth values and texts, within plain objects
 * and lists. So a header, a body, a query or a bound value of a failed statement never gets into the log, whatever
 * object is handed over. URLs are shortened to their origin.
 *
 * `redact` takes secrets out of each line that is not `info` (those are of our own making, and on the way of a fire).
 */
export function logOptions(level: string, redact: (line: string) => string = asItIs): LogOptions {
  return {
    level,
    stream: standardOutput(),
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }), log: (fields) => plainFields(fields) },
    hooks: {
      streamWrite: (line) => escaped(line.startsWith('{"level":"info"') ? line : redact(line)),
    },
    serializers: {
      err: (error: unknown) => describe(error, 3),
      req: ({ method, url }: { method: string; url: string }) => ({ method, path: url.split('?')[0] }),
      res: ({ statusCode }: { statusCode: number }) => ({ status: statusCode }),
    },
  }
}

/**
 * Each line is written before the call returns. If pino writes later, it writes what is left at the exit, and tries for
 * ever if the reader is gone: such a process never ends. Here the first line without a reader is the last.
 */
function standardOutput() {
  const output = destination({ dest: 1, sync: true, maxLength: mostUnwritten })
  // a full disk or a closed terminal costs lines, and not the runs
  output.on('error', () => undefined)
  return output
}

const mostUnwritten = 1024 * 1024

const serialised = ['err', 'req', 'res']

const deepest = 3
const mostTextLength = 2_000
const mostItems = 50

/** JSON escapes what ASCII has of control characters; what else steers a terminal is escaped here. */
function escaped(line: string): string {
  return line.endsWith('\n') ? `${visible(line.slice(0, -1))}\n` : visible(line)
}

function asItIs(line: string): string {
  return line
}

function plainFields(fields: object, depth = 0): Record<string, unknown> {
  const entries = Object.entries(fields).slice(0, mostItems)
  return Object.fromEntries(entries.map(([name, value]) => [name, field(name, value, depth)]))
}

function field(name: string, value: unknown, depth: number): unknown {
  if (depth === 0 && serialised.includes(name)) return value
  if (/authorization|cookie|password|secret|api_?key/i.test(name)) return '[not logged]'
  return plain(value, depth)
}

/** Values that are not plain are named by their class: their contents are not meant for the log. */
function plain(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return withoutPaths(beginningOf(value, mostTextLength))
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? '[function]' : value
  if (value instanceof Error) return describe(value, 3)
  if (value instanceof Date) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  const isPlain = prototype === Object.prototype || prototype === null || Array.isArray(value)
  if (!isPlain || depth >= deepest) return `[${value.constructor?.name ?? 'object'}]`
  if (Array.isArray(value)) return value.slice(0, mostItems).map((item) => plain(item, depth + 1))
  return plainFields(value, depth + 1)
}

type Described = { type: string; code?: string; message: string; stack: string; cause?: Described }

function describe(error: unknown, depth: number): Described {
  if (!(error instanceof Error))
    return { type: typeof error, message: 'something that is not an Error was thrown', stack: '' }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return {
    type: error.name,
    ...(code && { code }),
    message: withoutPaths(beginningOf(error.message, mostTextLength)),
    stack: framesOf(error),
    ...(error.cause !== undefined && depth > 0 && { cause: describe(error.cause, depth - 1) }),
  }
}

/** The place of an error. A stack begins with the message again, in which a URL or a value may stand. */
function framesOf({ stack = '', message }: Error): string {
  const frames = stack.replace(message, '').split('\n')
  return frames.filter((line) => /^ {4}at /.test(line)).join('\n')
}

/** Paths and queries of targets carry tokens, and so do user names: of a URL in a text its origin is told. */
function withoutPaths(text: string): string {
  if (!text.includes('://')) return text
  return text.replaceAll(/\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>]+/gi, (url) => originOf(url))
}

function originOf(text: string): string {
  const url = URL.parse(text)
  if (!url?.host) return '[URL]'
  return `${url.protocol}//${url.host}${url.pathname.length > 1 || url.search ? '/…' : ''}`
}
