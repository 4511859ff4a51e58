/** What a service does with a call of ours. `lost`: it does the work and cuts the connection. */
export type ApiFault =
  | { kind: 'down' }
  | { kind: 'lost' }
  | { kind: 'slow'; ms: number }
  | { kind: 'refuse'; status: number }

/**
 * The ways in which a timer service may misbehave, in words that fit any of them. Each lasts until it is changed; an
 * `api` fault meets as many calls as `times` says, those of one `method` alone if it names one.
 */
export type Faults = {
  api: { fault: ApiFault; times: number; method?: string } | null
  /** Fires are sent so much before their instant (negative), or after it. */
  shiftMs: number
  /** Each fire is sent so many times, at once. */
  copies: number
  /** The answer to a fire is not seen: so many tries count as failed, whatever they were answered. */
  deafTimes: number
  /** Fires that are due at one time are sent in the opposite order, one after the other. */
  isReversed: boolean
}

export const noFaults = (): Faults => ({ api: null, shiftMs: 0, copies: 1, deafTimes: 0, isReversed: false })

/** The fault that a call meets; it is counted. */
export function takeApiFault(faults: Faults, method: string): ApiFault | null {
  if (!faults.api || (faults.api.method && faults.api.method !== method)) return null
  const { fault } = faults.api
  faults.api.times -= 1
  if (faults.api.times <= 0) faults.api = null
  return fault
}
