import { createRecent } from '../ground/recent.ts'

/** A caller whose API key was refused: from where, for which route, with which key, why, how often and when. */
export type Refusal = {
  address: string
  /** As it is registered, such as `GET /api/jobs/:id`. */
  route: string
  /** Tells keys apart and opens nothing: an id, or the beginning of a hash; `none` without a key. */
  key: string
  reason: string
}

export type NotedRefusal = Refusal & { times: number; first_at: string; last_at: string }

export type Refusals = {
  note(refusal: Refusal): void
  /** The latest first. */
  list(): NotedRefusal[]
}

/** Beyond that the one that was seen longest ago is forgotten: a flood takes no more memory than that. */
const remembered = 50

/** The trace of refused callers, in this process. Every one of them has its line in the log as well. */
export function createRefusals(now: () => Date): Refusals {
  const noted = createRecent<NotedRefusal>(remembered)
  return {
    note(refusal) {
      const { address, route, key } = refusal
      const name = `${address} ${route} ${key}`
      const at = now().toISOString()
      const before = noted.get(name)
      noted.note(name, {
        ...refusal,
        times: (before?.times ?? 0) + 1,
        first_at: before?.first_at ?? at,
        last_at: at,
      })
    },
    list: () => noted.values().toReversed(),
  }
}
