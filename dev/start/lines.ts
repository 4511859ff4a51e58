import { styleText } from 'node:util'
import { visible } from '../../src/ground/text.ts'

type Fields = Record<string, unknown>
type Told = { type?: string; code?: string; message?: string; stack?: string; cause?: Told }

const nameWidth = 8

/** `12:00:05.003 service  run begins  job=… run=…`. The time is UTC, as in the answers of the service. */
export function line(name: string, text: string, at = new Date().toISOString()): string {
  return `${styleText('dim', at.slice(11, 23))} ${styleText('cyan', name.padEnd(nameWidth))} ${text}`
}

/** A line of the service's log, which is JSON; whatever else it writes is passed on as it is. */
export function serviceLines(raw: string): string {
  const entry = readEntry(raw)
  if (!entry) return line('service', raw)
  const { level, time, msg, err, reqId: _, ...rest } = entry
  const fields = Object.entries(rest).map(([key, value]) => styleText('dim', ` ${key}=${plain(value)}`))
  const text = `${mark(level)}${typeof msg === 'string' ? visible(msg) : ''}${fields.length > 0 ? ` ${fields.join('')}` : ''}`
  const at = typeof time === 'string' ? time : undefined
  return [line('service', text, at), ...explain(err as Told | undefined, isBad(level))].join('\n')
}

/** A line of the local NAS begins with its time. Its greeting has a token in it, which is no one's business here. */
export function nasLine(raw: string): string | null {
  if (/^ {2}NAS_[A-Z_]+=/.test(raw)) return null
  const timed = /^(\d\d:\d\d:\d\d\.\d{3}) (.*)$/.exec(raw)
  return timed ? line('nas', timed[2] ?? '', `0000-00-00T${timed[1]}`) : line('nas', raw)
}

/** A line of the relay begins with its instant and a level. */
export function relayLine(raw: string): string {
  const [, at, level, said = ''] = /^(\S+Z) (debug|info|warn|error) (.*)$/.exec(raw) ?? []
  return at === undefined ? line('relay', raw) : line('relay', `${mark(level)}${said}`, at)
}

/** A call at the target: an ISO instant, then what came. */
export function targetLine(raw: string): string {
  const [at = '', ...said] = raw.split(' ')
  return line('target', said.join(' '), at)
}

/** PostgreSQL tells of its every step. What is wrong with a statement, the one who sent it says better. */
export function databaseLine(raw: string): string | null {
  const found = /\b(FATAL|PANIC): .*/.exec(raw)
  return found ? line('database', styleText('red', found[0])) : null
}

function readEntry(raw: string): Fields | null {
  if (!raw.startsWith('{')) return null
  try {
    return JSON.parse(raw) as Fields
  } catch {
    return null
  }
}

function isBad(level: unknown): boolean {
  return level === 'error' || level === 'fatal'
}

function mark(level: unknown): string {
  if (isBad(level)) return styleText('red', 'ERROR ')
  return level === 'warn' ? styleText('yellow', 'WARN ') : ''
}

function plain(value: unknown): string {
  if (value === null) return '–'
  return visible(typeof value === 'string' && !value.includes(' ') ? value : JSON.stringify(value))
}

/** An error and its causes, one line each; of a broken program also where, in our own files. */
function explain(told: Told | undefined, withPlace: boolean): string[] {
  if (!told) return []
  const { type = 'Error', code, message = '', stack = '', cause } = told
  const own = withPlace
    ? stack.split('\n').filter((frame) => /^\s+at (?!.*(node:|node_modules))/.test(frame))
    : []
  const said = `    ${type}${code ? ` ${code}` : ''}: ${visible(message)}`
  return [said, ...own.slice(0, 3).map((frame) => `      ${frame.trim()}`), ...explain(cause, false)]
}
