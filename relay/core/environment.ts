import { type AddressRules, createAddressRules } from './address.ts'
import type { Quota } from './agent.ts'
import { usualQuota } from './settings.ts'

export type Environment = Record<string, string | undefined>

/** What every host reads of its environment; relay/README.md has the table. */
export type Common = {
  issuer: string | null
  /** Null: none is given. */
  adminSecret: string | null
  rules: AddressRules
  quota: Quota
}

export type Reader = ReturnType<typeof createReader>

/** Reads variables, and gathers everything that is wrong with them in `problems`. */
export function createReader(env: Environment) {
  const problems: string[] = []
  const text = (name: string) => env[name]?.trim() || null
  return {
    problems,
    text,
    wholeNumber(name: string, usual: number, least: number, most: number): number {
      const given = text(name)
      const value = given === null ? usual : Number(given)
      if (Number.isInteger(value) && value >= least && value <= most) return value
      problems.push(
        `${name} is ${JSON.stringify(given)}; it has to be a whole number from ${least} to ${most}.`,
      )
      return usual
    },
  }
}

export function readCommon({ problems, text, wholeNumber }: Reader): Common {
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
  return {
    issuer: issuerOf(text('RELAY_URL'), problems),
    adminSecret,
    rules,
    quota: {
      rows: wholeNumber('RELAY_ROWS', usualQuota.rows, 1, 1_000_000),
      provisionsPerMinute: wholeNumber(
        'RELAY_PROVISIONS_PER_MINUTE',
        usualQuota.provisionsPerMinute,
        1,
        1_000_000,
      ),
    },
  }
}

function issuerOf(given: string | null, problems: string[]): string | null {
  if (given === null) return null
  const url = URL.parse(given)
  if (url && /^https?:$/.test(url.protocol) && !url.search && !url.hash && !url.username)
    return `${url.origin}${url.pathname}`.replace(/(?<!\/)\/+$/, '')
  problems.push(`RELAY_URL is ${JSON.stringify(given)}; it has to be the public base URL of this relay.`)
  return null
}
