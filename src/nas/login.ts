import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AccessTokens } from './access.ts'
import { failure, type NasAnswer, type NasFailure } from './answer.ts'
import type { LoginRow, LoginStore, Renewed } from './login-store.ts'
import { createRefresh, type Tokens } from './refresh.ts'

export type Login = AccessTokens & {
  /** True while a new refresh token is in this process only: going down now would lose the login. */
  isUnsaved(): boolean
}

type Parts = {
  tokenUrl: string
  clientId: string
  /** As in NAS_REFRESH_TOKEN; used for the first refresh only. One never seen before starts the login anew. */
  firstRefreshToken: string
  store: LoginStore
  seal: { seal(plain: string, context: string): string; open(sealed: string, context: string): string }
  userAgent: string
  log: Log
  now?: () => Date
  /** How long one `get` waits for another process that is refreshing. */
  waitMs?: number
  timeoutMs?: number
}

type Log = { warn(fields: object, message: string): void; error(fields: object, message: string): void }
type Access = { token: string; refreshAt: Date; expiresAt: Date }

const earlyMs = 60_000
// Refreshing again at once after a failure helps nobody; a `Retry-After` counts up to a minute.
const pauseMs = { least: 1_000, most: 60_000 }

/**
 * Access tokens by the refresh grant. Refresh tokens rotate, and using one twice revokes the login: so of all
 * processes one refreshes at a time (a lease in the store), and new tokens are stored before they are used. The
 * access token is stored too, so that a cold start within its life makes no request.
 *
 * A refusal is remembered with the refresh token that it was about: no process asks again before NAS_REFRESH_TOKEN
 * is another one.
 */
export function createLogin(parts: Parts): Login {
  const { clientId, firstRefreshToken, store, seal, log, now = () => new Date(), waitMs = 20_000 } = parts
  const { timeoutMs = 15_000 } = parts
  const refresh = createRefresh({ ...parts, timeoutMs })
  const leaseMs = 2 * timeoutMs
  const context = (kind: 'access' | 'refresh') => `nas_login:${clientId}:${kind}`
  const firstHash = hashOf(firstRefreshToken)
  let held: Access | null = null
  let rejected: string | null = null
  let obtaining: Promise<NasAnswer<string>> | null = null
  let unsaved: Renewed | null = null
  let pause: { until: Date; answer: NasAnswer<string> } | null = null

  async function get(signal?: AbortSignal): Promise<NasAnswer<string>> {
    if (held && isGood(held)) return { ok: true, value: held.token }
    if (pause && now() < pause.until) return pause.answer
    obtaining ??= obtain().finally(() => {
      obtaining = null
    })
    return signal ? orAborted(obtaining, signal) : obtaining
  }

  async function obtain(): Promise<NasAnswer<string>> {
    const answer = await findOrRefresh(performance.now() + waitMs).catch((error: unknown) => {
      log.warn({ err: error }, 'the stored login cannot be reached')
      return failure('transient', 'LOGIN_STORE_UNAVAILABLE', 'the stored login cannot be reached')
    })
    // While the old one lives, a hitch in renewing it early is nobody's trouble.
    const canWait = !answer.ok && answer.kind === 'transient' && held && isAlive(held)
    return canWait && held ? { ok: true, value: held.token } : answer
  }

  async function findOrRefresh(deadline: number): Promise<NasAnswer<string>> {
    for (let round = 0; ; round += 1) {
      const row = await readRow()
      if (row.refusal !== null) return refused(row.refusal)
      const stored = openAccess(row)
      if (stored && isGood(stored)) return use(stored)
      // The refresh token in the store is spent, and the one that follows it is not stored yet.
      if (unsaved)
        return failure('transient', 'LOGIN_STORE_UNAVAILABLE', 'the new refresh token is not stored yet')
      const owner = randomUUID()
      const leased = await store.takeLease(owner, leaseMs)
      const answer = leased && (await refreshWith(leased, owner))
      if (answer) return answer
      if (performance.now() >= deadline) {
        return failure('transient', 'LOGIN_BUSY', `no new access token appeared within ${waitMs} ms`)
      }
      await sleep(pollMs(round))
    }
  }

  async function readRow(): Promise<LoginRow> {
    const row = await store.read()
    if (row?.firstHash === firstHash) return row
    return store.begin({ hash: firstHash, sealed: seal.seal(firstRefreshToken, context('refresh')) })
  }

  /** Null: the row has moved on meanwhile, so that it has to be looked at again. */
  async function refreshWith(row: LoginRow, owner: string): Promise<NasAnswer<string> | null> {
    const stored = openAccess(row)
    const refreshToken = stored && isGood(stored) ? null : openRefresh(row)
    if (refreshToken === null || refreshToken === undefined) {
      await store.release(owner)
      return refreshToken === null ? null : unreadable()
    }
    const result = await refresh(refreshToken)
    if (result.state === 'renewed') return keep(result.tokens, row)
    if (result.state === 'refused') return refuse(row, result.message)
    return fail(result, owner)
  }

  async function keep(tokens: Tokens, { refresh: spent }: LoginRow): Promise<NasAnswer<string> | null> {
    const expiresAt = new Date(now().getTime() + tokens.lifetimeMs)
    const refreshAt = new Date(expiresAt.getTime() - Math.min(earlyMs, tokens.lifetimeMs / 4))
    const renewed: Renewed = {
      refreshedFrom: spent.hash,
      refresh: { hash: hashOf(tokens.refresh), sealed: seal.seal(tokens.refresh, context('refresh')) },
      access: { sealed: seal.seal(tokens.access, context('access')), refreshAt, expiresAt },
    }
    unsaved = renewed
    const isSaved = await save(renewed)
    if (isSaved === false) return null
    if (isSaved === undefined) void saveLater(renewed)
    return use({ token: tokens.access, refreshAt, expiresAt })
  }

  /** False: another chain of tokens stands in the store by now. Undefined: the store is out of reach. */
  async function save(renewed: Renewed): Promise<boolean | undefined> {
    try {
      const isSaved = await store.save(renewed)
      unsaved = null
      if (!isSaved) log.warn({}, 'another login was stored while this one was renewed; the stored one counts')
      return isSaved
    } catch (error) {
      log.error({ err: error }, 'the new refresh token cannot be stored; losing this process loses the login')
      return undefined
    }
  }

  async function saveLater(renewed: Renewed): Promise<void> {
    for (let round = 0; unsaved === renewed; round += 1) {
      await sleep(pollMs(round))
      if ((await save(renewed)) === false) held = null
    }
  }

  async function refuse(row: LoginRow, said: string): Promise<NasAnswer<string> | null> {
    const lost =
      row.begun > 1 ? ' (the answer to an earlier refresh was lost, which probably used the token up)' : ''
    const message = `${said}${lost}`
    const isNews = await store.markRefused(row.refresh.hash, message)
    if (!isNews) return null
    log.error(
      { clientId },
      `the login is refused for good: ${message}. Log in again and set NAS_REFRESH_TOKEN`,
    )
    return refused(message)
  }

  async function fail(
    result: { isMaybeSpent: boolean; failure: NasFailure },
    owner: string,
  ): Promise<NasFailure> {
    const answer = result.failure
    const wait = Math.min(Math.max(answer.retryAfterMs ?? 0, pauseMs.least), pauseMs.most)
    pause = { until: new Date(now().getTime() + wait), answer }
    // A token that may be used up is tried again all the same, there is no other; but after the lease, in case a
    // slow answer of the first try still arrives.
    if (result.isMaybeSpent)
      log.warn({ code: answer.code }, `${answer.message}; the refresh token may be used up`)
    else await store.release(owner)
    return answer
  }

  function use(access: Access): NasAnswer<string> {
    held = access
    pause = null
    return { ok: true, value: access.token }
  }

  function isGood(access: Access): boolean {
    return access.token !== rejected && now() < access.refreshAt
  }

  function isAlive(access: Access): boolean {
    return access.token !== rejected && now() < access.expiresAt
  }

  function openAccess({ access }: LoginRow): Access | null {
    const token = access && tryOpen(access.sealed, 'access')
    return access && token ? { token, refreshAt: access.refreshAt, expiresAt: access.expiresAt } : null
  }

  function openRefresh(row: LoginRow): string | undefined {
    return tryOpen(row.refresh.sealed, 'refresh')
  }

  function tryOpen(sealed: string, kind: 'access' | 'refresh'): string | undefined {
    try {
      return seal.open(sealed, context(kind))
    } catch (error) {
      log.warn({ err: error }, `the stored ${kind} token cannot be opened`)
      return undefined
    }
  }

  function invalidate(token: string): void {
    rejected = token
  }

  return { get, invalidate, isUnsaved: () => unsaved !== null }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

function refused(message: string): NasAnswer<string> {
  return failure('refused', 'LOGIN_REFUSED', `the login is refused for good: ${message}`)
}

function unreadable(): NasAnswer<string> {
  const message =
    'the stored login was sealed with another ENCRYPTION_KEY; expected that key, or a new NAS_REFRESH_TOKEN'
  return failure('refused', 'LOGIN_UNREADABLE', message)
}

/** Between looks at the store: 40 ms at first, 800 ms in the end, up to twice that by chance. */
function pollMs(round: number): number {
  return Math.min(40 * 2 ** round, 800) * (1 + Math.random())
}

async function orAborted(work: Promise<NasAnswer<string>>, signal: AbortSignal): Promise<NasAnswer<string>> {
  const given = failure('transient', 'NAS_ABORTED', 'the call was given up on our side')
  if (signal.aborted) return given
  const { promise: aborted, resolve } = Promise.withResolvers<NasFailure>()
  const giveUp = () => resolve(given)
  signal.addEventListener('abort', giveUp, { once: true })
  return Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', giveUp))
}
