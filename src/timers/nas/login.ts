import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { failure, type Session } from '../index.ts'
import type { AccessTokens } from './access.ts'
import type { NasAnswer, NasFailure } from './answer.ts'
import { createLoginSaver, pollMs } from './login-saver.ts'
import type { LoginRow, LoginStore } from './login-store.ts'
import { type Access, createLoginTokens, hashOf, type Sealer } from './login-tokens.ts'
import { createRefresh, type Tokens } from './refresh.ts'

export type Login = AccessTokens & {
  /** True while a new refresh token is in this process only: going down now would lose the login. */
  isUnsaved(): boolean
}

type LoginNeeds = {
  tokenUrl: string
  clientId: string
  /** As in NAS_REFRESH_TOKEN; used for the first refresh only. One never seen before starts a new login. */
  firstRefreshToken: string
  store: LoginStore
  seal: Sealer
  userAgent: string
  log: Log
  /** Keeps this process up until the returned function is called: while a new refresh token is not stored. */
  hold?: (() => () => void) | undefined
  now?: () => Date
  /** How long one `get` waits for another process that is refreshing. */
  waitMs?: number
  timeoutMs?: number
}

type Failed = { isMaybeSpent: boolean; failure: NasFailure }
type Log = { warn(fields: object, message: string): void; error(fields: object, message: string): void }

const earlyMs = 60_000
// Refreshing again at once after a failure does not help; a `Retry-After` counts up to a minute.
const pauseMs = { least: 1_000, most: 60_000 }

/**
 * Access tokens by the refresh grant. Refresh tokens rotate, and using one twice revokes the login: so of all
 * processes one refreshes at a time (a lease in the store), and new tokens are stored before they are used. The
 * access token is stored too, so that a cold start within its life makes no request.
 *
 * A refusal is remembered with the refresh token that it was about: no process asks again before NAS_REFRESH_TOKEN
 * is another one.
 */
export function createLogin(needs: LoginNeeds): Login {
  const { clientId, firstRefreshToken, store, log, now = () => new Date() } = needs
  const { waitMs = 20_000, timeoutMs = 15_000 } = needs
  const refresh = createRefresh({ ...needs, timeoutMs })
  const tokens = createLoginTokens(needs)
  const saver = createLoginSaver(needs)
  const firstHash = hashOf(firstRefreshToken)
  let held: Access | null = null
  let isRefused = false
  let rejected: string | null = null
  let obtaining: Promise<NasAnswer<string>> | null = null
  let pause: { from: Date; ms: number; answer: NasFailure } | null = null

  async function get(signal?: AbortSignal): Promise<NasAnswer<string>> {
    if (held && isGood(held)) return { ok: true, value: held.token }
    if (pause && isWithin(pause)) return orStillAlive(pause.answer)
    obtaining ??= obtain().finally(() => {
      obtaining = null
    })
    return signal ? orAborted(obtaining, signal) : obtaining
  }

  async function obtain(): Promise<NasAnswer<string>> {
    const answer = await findOrRefresh(performance.now() + waitMs).catch((error: unknown) => {
      log.warn({ err: error }, 'the stored login could not be read')
      return failure('transient', 'LOGIN_STORE_UNAVAILABLE', 'the stored login could not be read')
    })
    isRefused = !answer.ok && answer.kind === 'refused'
    return orStillAlive(answer)
  }

  /** While the old token lives, a failed early renewal does no harm. */
  function orStillAlive(answer: NasAnswer<string>): NasAnswer<string> {
    if (answer.ok || answer.kind !== 'transient' || !held || !isAlive(held)) return answer
    return { ok: true, value: held.token }
  }

  async function findOrRefresh(deadline: number): Promise<NasAnswer<string>> {
    for (let round = 0; ; round += 1) {
      const row = await readRow()
      if (row.refusal !== null) return refused(row.refusal)
      const stored = tokens.openAccess(row)
      if (stored && isGood(stored)) return use(stored)
      // The refresh token in the store is spent, and the one that follows it is not stored yet.
      if (saver.isUnsaved()) return notStored()
      const answer = await tryRefresh()
      if (answer) return answer
      if (performance.now() >= deadline) {
        return failure('transient', 'LOGIN_BUSY', `no new access token appeared within ${waitMs} ms`)
      }
      await sleep(pollMs(round))
    }
  }

  async function readRow(): Promise<LoginRow> {
    const row = await store.read()
    return row?.firstHash === firstHash ? row : store.begin(tokens.sealRefresh(firstRefreshToken))
  }

  /** Null: another process is at it, or was; so the row has to be looked at again. */
  async function tryRefresh(): Promise<NasAnswer<string> | null> {
    // Each try is an owner of its own, so that this process, too, waits for the end of a lease after a lost answer.
    const owner = randomUUID()
    const row = await store.takeLease(owner, 2 * timeoutMs)
    if (!row) return null
    const stored = tokens.openAccess(row)
    const isRenewed = stored !== null && isGood(stored)
    const refreshToken = isRenewed ? null : tokens.openRefresh(row)
    if (refreshToken === null) {
      await store.release(owner)
      return isRenewed ? null : unreadable()
    }
    const result = await refresh(refreshToken)
    if (result.state === 'renewed') return keep(result.tokens, row)
    if (result.state === 'refused') return refuse(row, result.message)
    return fail(result, owner)
  }

  async function keep(renewed: Tokens, { refresh: spent }: LoginRow): Promise<NasAnswer<string> | null> {
    const expiresAt = new Date(now().getTime() + renewed.lifetimeMs)
    const refreshAt = new Date(expiresAt.getTime() - Math.min(earlyMs, renewed.lifetimeMs / 4))
    const access = { token: renewed.access, refreshAt, expiresAt }
    const result = await saver.save(tokens.seal(renewed, access, spent.hash), () => {
      held = null
    })
    return result === 'overtaken' ? null : use(access)
  }

  async function refuse(row: LoginRow, said: string): Promise<NasAnswer<string> | null> {
    const message = row.begun > 1 ? `${said} (${lostBefore})` : said
    // Null where the refusal is about a token that is not the current one any more.
    if (!(await store.markRefused(row.refresh.hash, message))) return null
    const advice = 'Log in again and set NAS_REFRESH_TOKEN'
    log.error({ clientId }, `the login is permanently refused: ${message}. ${advice}`)
    return refused(message)
  }

  async function fail({ isMaybeSpent, failure: answer }: Failed, owner: string): Promise<NasFailure> {
    const ms = Math.min(Math.max(answer.retryAfterMs ?? 0, pauseMs.least), pauseMs.most)
    pause = { from: now(), ms, answer }
    // A token that may be used up is tried again all the same, there is no other; but after the lease, in case a
    // slow answer to the first try still arrives.
    if (isMaybeSpent)
      log.warn({ code: answer.code }, `${answer.message}; the refresh token may have been used`)
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

  /** A clock that was set back ends the pause. */
  function isWithin({ from, ms }: { from: Date; ms: number }): boolean {
    const past = now().getTime() - from.getTime()
    return past >= 0 && past < ms
  }

  function invalidate(token: string): void {
    rejected = token
  }

  function session(): Session {
    if (isRefused) return 'terminal'
    return held && isAlive(held) ? 'valid' : 'unknown'
  }

  return { get, invalidate, session, isUnsaved: saver.isUnsaved }
}

const lostBefore = 'the answer to an earlier refresh was lost, so the token has probably been used'

function refused(message: string): NasFailure {
  return failure('refused', 'LOGIN_REFUSED', `the login is permanently refused: ${message}`)
}

function notStored(): NasFailure {
  return failure('transient', 'LOGIN_STORE_UNAVAILABLE', 'the new refresh token is not stored yet')
}

function unreadable(): NasFailure {
  const remedy = 'Set ENCRYPTION_KEYS_OLD to that key, or set a new NAS_REFRESH_TOKEN'
  return failure(
    'refused',
    'LOGIN_UNREADABLE',
    `The stored login was sealed with another ENCRYPTION_KEY. ${remedy}`,
  )
}

async function orAborted(work: Promise<NasAnswer<string>>, signal: AbortSignal): Promise<NasAnswer<string>> {
  const given = failure('transient', 'NAS_ABORTED', 'the call was cancelled on our side')
  if (signal.aborted) return given
  const { promise: aborted, resolve } = Promise.withResolvers<NasFailure>()
  const giveUp = () => resolve(given)
  signal.addEventListener('abort', giveUp, { once: true })
  return Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', giveUp))
}
