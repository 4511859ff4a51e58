import { createRecent } from '../ground/recent.ts'

/** The remaining allowance of a caller; both instants in whole seconds from now, at least 1 if there is something to wait for. */
export type Left = {
  limit: number
  remaining: number
  /** Until all of it is there again. */
  resetS: number
  /** Until the next call is let in; null: this one was. */
  retryAfterS: number | null
}

/** Buckets of tokens, one per caller: `perMinute` at once, and as many more a minute, in even steps. */
export type RateLimit = {
  take(caller: string): Left
  /** As `take` would answer, and takes nothing. */
  look(caller: string): Left
}

type Options = {
  perMinute: number
  /** Callers that are remembered; beyond that the least recent one is dropped, so memory is bounded. */
  maxCallers?: number
  /** Milliseconds on a clock that never goes back. */
  now?: () => number
}

/** In this process alone: what several machines let in adds up. */
export function createRateLimit({ perMinute, maxCallers = 10_000, now = monotonic }: Options): RateLimit {
  const buckets = createRecent<{ tokens: number; at: number }>(maxCallers)
  const perMs = perMinute / 60_000

  function tokensOf(caller: string, at: number): number {
    const bucket = buckets.get(caller)
    return bucket ? Math.min(perMinute, bucket.tokens + (at - bucket.at) * perMs) : perMinute
  }

  function left(tokens: number, isIn: boolean): Left {
    return {
      limit: perMinute,
      remaining: Math.floor(tokens),
      resetS: Math.ceil((perMinute - tokens) / perMs / 1000),
      retryAfterS: isIn ? null : Math.max(1, Math.ceil((1 - tokens) / perMs / 1000)),
    }
  }

  return {
    look(caller) {
      const tokens = tokensOf(caller, now())
      return left(tokens, tokens >= 1)
    },
    take(caller) {
      const at = now()
      const before = tokensOf(caller, at)
      const isIn = before >= 1
      const tokens = isIn ? before - 1 : before
      buckets.note(caller, { tokens, at })
      return left(tokens, isIn)
    },
  }
}

const monotonic = () => performance.now()
