import { readAllowEntry } from './allow.ts'

export type Env = Record<string, string | undefined>

/** Readers of variables: what is wrong with one goes to `problems`, and the value is null or its default. */
export function readers(env: Env, problems: string[]) {
  const text = (name: string): string | null => env[name]?.trim() || null

  function secret(name: string, form?: RegExp, rule?: string): string | null {
    const value = text(name)
    if (value === null || !form || form.test(value)) return value
    problems.push(`${name} must be ${rule}`)
    return null
  }

  function integer(name: string, fallback: number, least: number, most: number): number {
    const value = text(name)
    if (value === null) return fallback
    if (/^\d{1,15}$/.test(value) && Number(value) >= least && Number(value) <= most) return Number(value)
    problems.push(`${name} must be a whole number from ${least} to ${most}, not "${value}"`)
    return fallback
  }

  function url(name: string, { isPlainAllowed = false } = {}): string | null {
    const value = text(name)
    if (value === null) return null
    const parsed = URL.canParse(value) ? new URL(value) : null
    const isLoopback = parsed !== null && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(parsed.hostname)
    if (parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && (isLoopback || isPlainAllowed)))
      return value.replace(/(?<!\/)\/+$/, '')
    const rule = isPlainAllowed ? 'an http or https URL' : 'an https URL (plain http for loopback only)'
    problems.push(`${name} must be ${rule}, not "${parsed?.origin ?? value}"`)
    return null
  }

  /** The address that routes are appended to; one that ends in the route of fires is cut to it. */
  function base(name: string): string | null {
    const value = url(name)
    if (value === null || !/[?#]/.test(value))
      return value && value.replace(/(?<!\/)\/*\/api\/cron\/fire$/, '')
    problems.push(
      `${name} must not have a query or a fragment. Use the base URL of this service, such as https://app.fly.dev`,
    )
    return null
  }

  function isOn(name: string): boolean {
    const value = text(name) ?? 'off'
    if (value !== 'on' && value !== 'off') problems.push(`${name} must be "on" or "off", not "${value}"`)
    return value === 'on'
  }

  return { text, secret, integer, url, base, isOn }
}

export function targetAllow(list: string, problems: string[]): string[] {
  const entries = list
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean)
  const wrong = entries.filter((entry) => readAllowEntry(entry) === null)
  for (const entry of wrong)
    problems.push(
      `TARGET_ALLOW: "${entry}" is not a host name, *.name, an address (each also with :port) or a range such as 10.0.0.0/8`,
    )
  return entries
}

/** Each exactly as a browser sends it in `Origin`. */
export function corsOrigins(list: string, problems: string[]): string[] {
  const entries = list
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean)
  return entries.flatMap((entry) => {
    const url = URL.parse(entry)
    const isOrigin =
      (url?.protocol === 'https:' || url?.protocol === 'http:') &&
      url.href === `${url.origin}/` &&
      !url.host.includes('*')
    if (url && isOrigin) return [url.origin]
    problems.push(
      `CORS_ORIGINS: "${entry.slice(0, 100)}" is not an origin. List origins such as https://dashboard.example.com, separated by commas ("*" is not supported)`,
    )
    return []
  })
}

export function isZone(zone: string): boolean {
  if (zone === 'UTC') return true
  try {
    return Boolean(Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone))
  } catch {
    return false
  }
}

export function encryptionKey(value: string | null, problems: string[]): Buffer | null {
  if (value === null) return null
  const key = Buffer.from(value, 'base64')
  const wrong = wrongWithKey(key)
  if (wrong === null) return key
  problems.push(`ENCRYPTION_KEY must be 32 random bytes as base64 (openssl rand -base64 32), not ${wrong}`)
  return null
}

/** Null: it may well be random. Of 32 random bytes hardly any two are the same, or the same step apart. */
function wrongWithKey(key: Buffer): string | null {
  if (key.length !== 32) return `${key.length} bytes`
  const steps = key.map((byte, index) => byte - (key[index - 1] ?? 0))
  const isRandom = [key, steps].every((bytes) => new Set(bytes).size >= leastVariety)
  return isRandom ? null : 'bytes that follow a pattern'
}

/** Random ones have about 30, and hex digits instead of random bytes about 14. */
const leastVariety = 8

/** Separated by commas. An invalid entry is named by its position, never quoted. */
export function oldEncryptionKeys(value: string | null, problems: string[]): Buffer[] {
  const entries = (value ?? '').split(',').map((entry) => entry.trim())
  return entries.filter(Boolean).flatMap((entry, index) => {
    const key = Buffer.from(entry, 'base64')
    // a weak key still has to decrypt its data until that is resealed
    if (key.length === 32) return [key]
    problems.push(
      `ENCRYPTION_KEYS_OLD: entry ${index + 1} must be 32 bytes as base64, not ${key.length} bytes`,
    )
    return []
  })
}
