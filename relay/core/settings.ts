import type { Quota } from './agent.ts'
import type { AddressRules } from './address.ts'

/** The settings of a relay by its host. */
export type Settings = {
  /** The relay's public base URL without a slash at its end; null: as it was called when an agent was created. */
  issuer: string | null
  /** Of the admin secret; see `hashOf`. */
  adminHash: string
  rules: AddressRules
  /** Of agents that are created without one of their own. */
  quota: Quota
  /** How far ahead `fire_at` may be. */
  horizonMs: number
  /** All addresses of a host name, if the host can look names up: a base URL is checked when it is registered. */
  resolve?: (hostname: string) => Promise<readonly string[]>
}

export const usualQuota: Quota = { rows: 10_000, provisionsPerMinute: 3_000 }
export const usualHorizonMs = 400 * 86_400_000
export const usualFireTimeoutMs = 30_000
