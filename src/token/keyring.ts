import type { JSONWebKeySet, JWK } from 'jose'
import { AppError } from '../ground/errors.ts'
import { type KeySet, hasKid, pickKey, readKeySet } from './key-set.ts'
import type { Algorithm } from './read-token.ts'
import { rejection, shown } from './rejection.ts'

/** Where the last good key set survives the process. It may fail: then the portal is asked. */
export type KeyStore = {
  load(): Promise<{ jwks: JSONWebKeySet; fetchedAt: Date } | null>
  save(jwks: JSONWebKeySet, fetchedAt: Date): Promise<void>
}

/** As much of a pino logger as is used here. */
export type Log = {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export type KeyringHealth = {
  /** How many keys are held, and since when they are known; null: none yet. */
  keys: { count: number; fetchedAt: Date } | null
  /** The last failed request for the key set; null: none since the last good one. */
  lastError: { at: Date; message: string } | null
}

const second = 1_000
const limits = {
  /** Older keys have to be asked for again before they are used. */
  maxAgeMs: 7 * 24 * 3600 * second,
  /** Older keys are asked for again after they were used. */
  staleMs: 3600 * second,
  /** A set younger than this is current: a kid that it lacks does not exist. */
  coolDownMs: 30 * second,
  failedCoolDownMs: 5 * second,
  /** A signature that does not fit may mean that the portal re-used a kid; believed of sets of this age only. */
  suspectMs: 300 * second,
  absentMs: 60 * second,
  maxAbsent: 64,
  /** How long a token waits for the stored keys at boot before it asks the portal. */
  warmWaitMs: 1 * second,
}

type Wanted = { kid: string; alg: Algorithm }
type KeyringNeeds = { fetchKeys: () => Promise<JSONWebKeySet>; keyStore: KeyStore; now: () => Date; log: Log }

/**
 * The portal's keys. (Not jose's remote key set: docs/decisions/by-hand.md.) At most one request is under way at a time, and none within the cool-down of the last one,
 * whatever tokens ask for. The store is only ever touched by `warm` and `refreshIfStale`.
 */
export function createKeyring({ fetchKeys, keyStore, now, log }: KeyringNeeds) {
  let held: KeySet | null = null
  let isUnsaved = false
  let warming: Promise<void> | null = null
  let fetching: Promise<boolean> | null = null
  let failed: { at: Date; message: string } | null = null
  const absentSince = new Map<string, Date>()

  /** Milliseconds since `then`; below zero where the clock was set back, or another machine's is ahead. */
  function since(then: Date): number {
    return now().getTime() - then.getTime()
  }

  /** Whether `then` is less than `ms` ago. An instant in the future is not: nothing waits for a wrong clock. */
  function isWithin(ms: number, then: Date): boolean {
    return since(then) >= 0 && since(then) < ms
  }

  function usable(): KeySet | null {
    return held && since(held.fetchedAt) < limits.maxAgeMs ? held : null
  }

  async function warm(): Promise<void> {
    warming ??= load()
    await warming
  }

  async function load(): Promise<void> {
    try {
      const stored = await keyStore.load()
      const jwks = readKeySet(stored?.jwks)
      if (stored && jwks && !(held && held.fetchedAt >= stored.fetchedAt))
        held = { jwks, fetchedAt: stored.fetchedAt }
    } catch (error) {
      // The database may come up later than we do: a later call tries again.
      warming = null
      log.warn({ err: error }, 'the stored signing keys could not be read; fetching them from the portal')
    }
  }

  /** True: the set held is current. False: it cannot be asked. */
  function refresh(): Promise<boolean> {
    if (fetching) return fetching
    if (held && isWithin(limits.coolDownMs, held.fetchedAt)) return Promise.resolve(true)
    if (failed && isWithin(limits.failedCoolDownMs, failed.at)) return Promise.resolve(false)
    fetching = fetchNow().finally(() => {
      fetching = null
    })
    return fetching
  }

  async function fetchNow(): Promise<boolean> {
    try {
      held = { jwks: await fetchKeys(), fetchedAt: now() }
      isUnsaved = true
      failed = null
      return true
    } catch (error) {
      failed = { at: now(), message: error instanceof Error ? error.message : String(error) }
      log.warn({ err: error }, 'the signing keys of the portal could not be fetched')
      return false
    }
  }

  /** @throws AppError TOKEN_REJECTED: the portal has no such key. JWKS_UNAVAILABLE: it cannot be asked. */
  async function find(wanted: Wanted): Promise<JWK> {
    if (!held && warming) await atMost(limits.warmWaitMs, warming)
    const known = usable()
    const key = known && pickKey(known, wanted.kid, wanted.alg)
    if (key) return key
    if (known && hasKid(known, wanted.kid) && since(known.fetchedAt) < limits.suspectMs) throw unfit(wanted)
    if (known && isKnownAbsent(wanted.kid)) throw unknown(wanted)
    const before = held?.fetchedAt
    if (!(await refresh())) throw unavailable()
    return pickOrReject(wanted, { isAsked: held?.fetchedAt !== before })
  }

  /** `isAsked`: the portal was asked since. A set from before may lack the key for no other reason than its age. */
  function pickOrReject(wanted: Wanted, { isAsked }: { isAsked: boolean }): JWK {
    const set = usable()
    const key = set && pickKey(set, wanted.kid, wanted.alg)
    if (key) return key
    if (set && hasKid(set, wanted.kid)) throw unfit(wanted)
    if (isAsked) rememberAbsent(wanted.kid)
    throw unknown(wanted)
  }

  /**
   * The key that the portal publishes now under the kid of `used`, after a signature did not fit `used`;
   * null: still the same key, or the set is too young for the question, or the portal cannot be asked.
   */
  async function findNewer(wanted: Wanted, used: JWK): Promise<JWK | null> {
    if (held && since(held.fetchedAt) < limits.suspectMs) return null
    if (!(await refresh()) || !held) return null
    const key = pickKey(held, wanted.kid, wanted.alg)
    return key && JSON.stringify(key) !== JSON.stringify(used) ? key : null
  }

  function isKnownAbsent(kid: string): boolean {
    const seen = absentSince.get(kid)
    return seen !== undefined && isWithin(limits.absentMs, seen)
  }

  function rememberAbsent(kid: string): void {
    const [oldest] = absentSince.keys()
    if (absentSince.size >= limits.maxAbsent && oldest !== undefined) absentSince.delete(oldest)
    absentSince.set(kid, now())
  }

  function unavailable(): AppError {
    const waitMs = failed ? limits.failedCoolDownMs - since(failed.at) : 0
    const options = { cause: failed, retryAfterS: Math.max(1, Math.ceil(waitMs / second)) }
    return new AppError(
      'JWKS_UNAVAILABLE',
      'The signing keys of the timer service could not be fetched. Retry later.',
      options,
    )
  }

  /** Saves keys that are not saved yet, and asks for newer ones where the held ones are stale. Never rejects. */
  async function refreshIfStale(): Promise<void> {
    if (held && since(held.fetchedAt) >= limits.staleMs) await refresh()
    if (!held || !isUnsaved) return
    isUnsaved = false
    try {
      await keyStore.save(held.jwks, held.fetchedAt)
    } catch (error) {
      isUnsaved = true
      log.warn({ err: error }, 'the signing keys could not be stored; the next cold start fetches them')
    }
  }

  function health(): KeyringHealth {
    return { keys: held && { count: held.jwks.keys.length, fetchedAt: held.fetchedAt }, lastError: failed }
  }

  return { warm, find, findNewer, refreshIfStale, health }
}

function unknown({ kid }: Wanted): AppError {
  return rejection('key_unknown', `the portal has no key ${shown(kid)}`)
}

function unfit({ kid, alg }: Wanted): AppError {
  return rejection('key_unfit', `key ${shown(kid)} of the portal is not one for ${alg}`)
}

async function atMost(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([work, new Promise<void>((done) => (timer = setTimeout(done, ms)))])
  clearTimeout(timer)
}
