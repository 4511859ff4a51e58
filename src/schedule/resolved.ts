import type { Frame } from './frame.ts'

/** What a phrase comes to. `rules` and `except` as an `expr` has them. */
export type Resolved =
  | { kind: 'interval'; everyMs: number; from?: string }
  | { kind: 'once'; runAt: Date; display?: string }
  /** `from` and `until` are local; `count`: that many slots after `from`, or after now. */
  | { kind: 'rules'; rules: string[]; except: string[]; from?: string; until?: string; count?: number }

/** The clock and the zone that a phrase is read by. */
export type At = { now: Date; zone: string }

export function boundsOf({ from, until }: Frame) {
  return { ...(from !== null && { from }), ...(until !== null && { until }) }
}
