import { parseArgs, styleText } from 'node:util'
import { readAmount } from './instant.ts'
import { readMisbehaviour, splitMisbehaviour } from './misbehave.ts'
import { type MisbehaviourKind, misbehaviours } from './misbehaviours.ts'
import { misbehavioursOf, type Modes, modes } from './modes.ts'
import type { NasOptions } from './nas.ts'

type Option = { type: 'string' | 'boolean'; short?: string; multiple?: true; value?: string; says: string }

const ownOptions = {
  host: { type: 'string', value: 'ADDRESS', says: 'where to listen (127.0.0.1)' },
  port: { type: 'string', value: 'PORT', says: 'where to listen; 0 takes a free one (8787)' },
  'control-port': {
    type: 'string',
    value: 'PORT',
    says: 'a second port for /control only, up while the portal is down',
  },
  'portal-url': {
    type: 'string',
    value: 'URL',
    says: 'what outsiders call it, and the iss of its tokens (its address)',
  },
  instance: { type: 'string', value: 'NAME', says: 'the agent it serves; fires are for agent:NAME (local)' },
  'client-id': { type: 'string', value: 'ID', says: 'client of the token endpoint (chronos-local)' },
  'access-token': { type: 'string', value: 'TOKEN', says: 'an access token that never expires (random)' },
  'refresh-token': { type: 'string', value: 'TOKEN', says: 'the first refresh token of the login (random)' },
  alg: {
    type: 'string',
    multiple: true,
    value: 'ALG',
    says: 'a signing key; the first signs (ES256, RS256)',
  },
  time: {
    type: 'string',
    value: 'INSTANT',
    says: 'stand still at this instant; POST /control/time moves on (wall clock)',
  },
  'retry-scale': {
    type: 'string',
    value: 'FACTOR',
    says: 'factor on the gaps between retries, 2 s to 6 h (1)',
  },
  'fire-timeout': { type: 'string', value: 'TIME', says: 'how long a fire waits for its answer (30s)' },
  state: { type: 'string', value: 'FILE', says: 'keep keys, logins and arms here, over restarts' },
  'no-firewall': { type: 'boolean', says: "let calls with a library's own User-Agent through" },
  misbehave: {
    type: 'string',
    multiple: true,
    value: 'NAME[=VALUE]',
    says: 'misbehave from the start; see below',
  },
  quiet: { type: 'boolean', short: 'q', says: 'no line for each thing that happens' },
  help: { type: 'boolean', short: 'h', says: 'this page' },
} as const satisfies Record<string, Option>

const modeOptions = Object.fromEntries(
  Object.entries(modes).map(([name, { says, readings }]) => {
    const words = Object.keys(readings)
    return [name, { type: 'string', value: words.join('|'), says }]
  }),
) as Record<keyof Modes, { type: 'string'; value: string; says: string }>

const options = { ...ownOptions, ...modeOptions }

export type CommandLine = { help: true } | { help: false; quiet: boolean; nas: NasOptions }

/** Something on the command line cannot be used; the message is for the person who typed it. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The options of a NAS on the wall clock. @throws UsageError */
export function readCommandLine(args: string[]): CommandLine {
  const values = parsed(args)
  if (values.help) return { help: true }
  const time = values.time ?? 'wall'
  for (const one of values.misbehave ?? []) usable(() => readMisbehaviour(...splitMisbehaviour(one)))
  const chosen = Object.keys(modes).flatMap((name) => {
    const reading = values[name as keyof Modes]
    return reading === undefined ? [] : [[name, reading]]
  })
  const readings = Object.fromEntries(chosen) as Modes
  usable(() => misbehavioursOf(readings))
  const text = {
    host: values.host,
    portalUrl: values['portal-url'],
    instance: values.instance,
    clientId: values['client-id'],
    accessToken: values['access-token'],
    refreshToken: values['refresh-token'],
    state: values.state,
    misbehave: values.misbehave,
    controlPort:
      values['control-port'] === undefined ? undefined : portOf('control-port', values['control-port']),
    retryScale:
      values['retry-scale'] === undefined ? undefined : amountOf('retry-scale', values['retry-scale']),
    fireTimeoutMs:
      values['fire-timeout'] === undefined ? undefined : amountOf('fire-timeout', values['fire-timeout']),
  }
  const nas: NasOptions = {
    ...given(text),
    modes: readings,
    time,
    port: portOf('port', values.port ?? '8787'),
    algs: values.alg ?? ['ES256', 'RS256'],
    firewall: !values['no-firewall'],
  }
  return { help: false, quiet: values.quiet ?? false, nas }
}

/** The page of `--help`. */
export function helpPage(): string {
  const line = ([name, option]: [string, Option]) => {
    const flag = `${option.short ? `-${option.short}, ` : ''}--${name}${option.value ? ` ${option.value}` : ''}`
    return `  ${flag.padEnd(27)} ${option.says}`
  }
  const kinds = Object.entries<MisbehaviourKind>(misbehaviours).map(
    ([name, kind]) => `  ${(name + valueOf(kind)).padEnd(27)} ${kind.says}`,
  )
  return [
    'A stand-in for the outside timer service: arms one-shots and calls back.',
    '',
    `${styleText('bold', 'Usage:')} node dev/nas/main.ts [options]`,
    '',
    ...Object.entries<Option>(ownOptions).map(line),
    '',
    'What the contract leaves open; the first of each is the default:',
    '',
    ...Object.entries<Option>(modeOptions).map(line),
    '',
    'Misbehaviours (also POST /control/misbehave, see docs/local-nas.md); times are 500ms, 2s, 5m, 7d:',
    '',
    ...kinds,
  ].join('\n')
}

function valueOf(kind: MisbehaviourKind): string {
  if (kind.takes === 'nothing') return ''
  return kind.takes === 'word' ? `=${kind.words[0]}|…` : `[=${kind.fallback}]`
}

function parsed(args: string[]) {
  try {
    return parseArgs({ args, options, strict: true }).values
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\nTry --help.`)
  }
}

function usable<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function portOf(name: string, text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port < 65_536) return port
  throw new UsageError(`--${name} is ${text}, expected a port from 0 to 65535`)
}

function amountOf(name: string, text: string): number {
  const amount = readAmount(text)
  if (amount !== null && amount > 0) return amount
  throw new UsageError(`--${name} is ${text}, expected a number above 0`)
}

type Given<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> }

function given<T extends Record<string, unknown>>(values: T): Given<T> {
  const kept: Given<T> = {}
  for (const key of Object.keys(values) as (keyof T)[]) {
    const value = values[key]
    if (value !== undefined) kept[key] = value as Exclude<T[keyof T], undefined>
  }
  return kept
}
