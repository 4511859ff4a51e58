import { createAddressRules, usualQuota } from '../core/index.ts'
import { isLevel, type Level } from './log.ts'
import type { RelayOptions } from './start.ts'

export type Environment = Record<string, string | undefined>
export type Read = Omit<RelayOptions, 'log'> & { level: Level }

/** The settings in the environment, or all problems with them. relay/README.md has the table. */
export function readEnvironment(env: Environment): { options: Read } | { problems: string[] } {
  const problems: string[] = []
  const text = (name: string) => env[name]?.trim() || null
  const number = (name: string, usual: number, least: number, most: number) => {
    const given = text(name)
    const value = given === null ? usual : Number(given)
    if (Number.isInteger(value) && value >= least && value <= most) return value
    problems.push(
      `${name} is ${JSON.stringify(given)}; it has to be a whole number from ${least} to ${most}.`,
    )
    return usual
  }
  const allow = (text('RELAY_ALLOW') ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean)
  let rules = createAddressRules([])
  try {
    rules = createAddressRules(allow)
  } catch (error) {
    problems.push(`RELAY_ALLOW: ${(error as Error).message}`)
  }
  const adminSecret = text('RELAY_ADMIN_SECRET')
  if (adminSecret !== null && !/^[!-~]{24,}$/.test(adminSecret))
    problems.push(
      'RELAY_ADMIN_SECRET has to be at least 24 ASCII characters without spaces; `openssl rand -hex 32` makes a good one.',
    )
  const level = text('LOG_LEVEL') ?? 'info'
  if (!isLevel(level)) problems.push(`LOG_LEVEL is "${level}"; it has to be debug, info, warn or error.`)
  const options: Read = {
    file: text('RELAY_DATABASE') ?? '.chronos/relay.db',
    host: text('HOST') ?? '127.0.0.1',
    port: number('PORT', 8787, 0, 65_535),
    issuer: issuerOf(text('RELAY_URL'), problems),
    adminSecret,
    rules,
    quota: {
      rows: number('RELAY_ROWS', usualQuota.rows, 1, 1_000_000),
      provisionsPerMinute: number(
        'RELAY_PROVISIONS_PER_MINUTE',
        usualQuota.provisionsPerMinute,
        1,
        1_000_000,
      ),
    },
    level: isLevel(level) ? level : 'info',
  }
  return problems.length > 0 ? { problems } : { options }
}

function issuerOf(given: string | null, problems: string[]): string | null {
  if (given === null) return null
  const url = URL.parse(given)
  if (url && /^https?:$/.test(url.protocol) && !url.search && !url.hash && !url.username)
    return `${url.origin}${url.pathname}`.replace(/\/+$/, '')
  problems.push(`RELAY_URL is ${JSON.stringify(given)}; it has to be the public base URL of this relay.`)
  return null
}
