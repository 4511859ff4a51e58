import { createAddressRules } from '../../relay/core/index.ts'

/**
 * What a relay limits and a portal does not: any address may be called, by plain http too, with any base URL; any
 * number of jobs may be armed, as often and as far ahead as one likes. The relay's checks are made, with these limits.
 */
export const unlimited = {
  rules: createAddressRules(['0.0.0.0/0', '::/0', '127.0.0.0/8', '*.home.arpa']),
  /** Every http and https URL lies below one of these. */
  callbackUrls: ['http:/', 'https:/'],
  quota: { rows: 1_000_000_000, provisionsPerMinute: 1_000_000_000 },
  horizonMs: Number.MAX_SAFE_INTEGER,
}
