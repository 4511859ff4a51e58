import { setTimeout as delay } from 'node:timers/promises'
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import { AppError } from '../src/ground/errors.ts'
import { classify, connectionError, DatabaseUnavailable, type Failure } from './errors.ts'
import { type Ahead, usualApplicationName } from './login/index.ts'
import { openPool, type Pool } from './pool.ts'
import { beginTransaction, type Transaction } from './transaction.ts'

/** The tag that a statement is written with: the pool's tag, or a transaction's. */
export type Sql = postgres.Sql | postgres.TransactionSql

export type DatabaseOptions = {
  /** `postgres://…`; `sslmode`, `prepare=false` and `pgbouncer=true` are understood. */
  url: string
  /** Connections at most; at least 2. */
  max?: number
  /** Milliseconds a call may take, waiting for a connection and retries included. */
  deadlineMs?: number
  applicationName?: string
  /** The first connection, begun before. */
  ahead?: Ahead | undefined
  /** Told of each failure that cost us the pool, and of nothing else; for the log. */
  onError?: (error: unknown) => void
  /** Told of each call when it has ended, well or not: how long it took, waiting included. */
  onCall?: (name: string, tookMs: number) => void
}

export type CallOptions = {
  deadlineMs?: number
  /** May be carried out twice: it is retried even if the effect of the first try is unknown. */
  idempotent?: boolean
  /** The purpose, for the message of a failure: "the claim". */
  name?: string
}

/**
 * Postgres with a deadline on every call. Whatever the peer does, a call settles in time: with its result, with
 * the server's own refusal (a PostgresError, its SQLSTATE in `code`), or with DatabaseUnavailable, which says
 * whether the statement may have been carried out. A failure of the connection costs the pool: calls under way
 * finish on the old one, the next call opens a new one. What surely was not carried out is tried again.
 */
export type Database = {
  /** One statement, or a few that need no transaction. A bare query is cancelled on the server at its deadline. */
  run: <T>(work: (sql: postgres.Sql) => PromiseLike<T>, options?: CallOptions) => Promise<T>
  /**
   * All of `work`, or nothing. `work` is called again if it lost to another transaction (40001, 40P01) or
   * where the connection broke before the commit was sent: it must have no effect outside of the transaction.
   */
  transaction: <T>(work: (tx: postgres.TransactionSql) => Promise<T>, options?: CallOptions) => Promise<T>
  /** Drizzle on the same pool, loaded on first use (it costs more than the rest of a boot together). */
  drizzle: <T>(work: (orm: PostgresJsDatabase) => Promise<T>, options?: CallOptions) => Promise<T>
  /** Told from now on, in place of those that it was made with. */
  watch: (watchers: Required<Pick<DatabaseOptions, 'onError' | 'onCall'>>) => void
  /** Lets running calls finish for `deadlineMs` (default 1,000), then cuts every connection. May be called twice. */
  close: (deadlineMs?: number) => Promise<void>
}

export function createDatabase({
  url,
  max = 4,
  deadlineMs: usualDeadlineMs = 5000,
  applicationName = usualApplicationName,
  ...given
}: DatabaseOptions): Database {
  let { onError, onCall, ahead } = given
  const users = new Map<Pool, number>()
  const orms = new WeakMap<Pool, PostgresJsDatabase>()
  let current: Pool | undefined
  let closed: Promise<void> | undefined

  function borrow(): Pool {
    if (closed) throw connectionError('CONNECTION_ENDED')
    if (!current) {
      current = openPool({
        ...{ url, max: Math.max(2, max), connectTimeoutMs: usualDeadlineMs, applicationName, ahead },
      })
      ahead = undefined
      users.set(current, 0)
    }
    return current
  }

  function hold(pool: Pool, change: 1 | -1): void {
    const count = (users.get(pool) ?? 0) + change
    users.set(pool, count)
    if (pool === current || count > 0) return
    users.delete(pool)
    void pool.dispose(disposeGraceMs)
  }

  // Those who use it finish there; the last one to leave disposes of it.
  function retire(pool: Pool, error: unknown): void {
    if (pool !== current) return
    current = undefined
    onError?.(error)
  }

  async function attempt<T>(start: (pool: Pool) => Started<T>, ms: number): Promise<T> {
    const pool = borrow()
    hold(pool, 1)
    let abandoned: Promise<unknown> | undefined
    try {
      const started = start(pool)
      const result = await withDeadline(started.done, ms, () => {
        abandoned = started.abandon()
      })
      pool.answered()
      return result
    } catch (error) {
      if (classify(error)?.poolIsSuspect) retire(pool, error)
      throw error
    } finally {
      if (abandoned) void abandoned.finally(() => hold(pool, -1))
      else hold(pool, -1)
    }
  }

  async function perform<T>(start: (pool: Pool) => Started<T>, options: CallOptions): Promise<T> {
    const { deadlineMs = usualDeadlineMs, idempotent = false, name = 'the statement' } = options
    const startedAt = performance.now()
    try {
      return await tryUntil(startedAt + deadlineMs, start, { idempotent, name })
    } finally {
      onCall?.(name, performance.now() - startedAt)
    }
  }

  async function tryUntil<T>(
    endsAt: number,
    start: (pool: Pool) => Started<T>,
    { idempotent, name }: Required<Pick<CallOptions, 'idempotent' | 'name'>>,
  ): Promise<T> {
    for (let tries = 1; ; tries++) {
      let started: Started<T> | undefined
      try {
        return await attempt((pool) => (started = start(pool)), endsAt - performance.now())
      } catch (thrown) {
        const error = withoutParameters(thrown)
        const failure = classify(error)
        if (!failure) throw error
        if (started?.surelyNotExecuted()) failure.execution = 'not_executed'
        const pauseMs = 25 + Math.random() * 25 * tries
        const isLast =
          tries >= maxTries(failure) || performance.now() + pauseMs >= endsAt || closed !== undefined
        if (isLast || (failure.execution === 'unknown' && !idempotent))
          throw new DatabaseUnavailable(failure, name, error)
        await delay(pauseMs)
      }
    }
  }

  async function ormOf(pool: Pool): Promise<PostgresJsDatabase> {
    const { attachDrizzle } = await import('./orm.ts')
    const orm = orms.get(pool) ?? attachDrizzle(pool.sql, usualDeadlineMs)
    orms.set(pool, orm)
    return orm
  }

  async function disposeAll(graceMs: number): Promise<void> {
    await Promise.all([...users.keys()].map((pool) => pool.dispose(graceMs)))
  }

  return {
    run: (work, options = {}) => perform(({ sql }) => startStatement(work(sql)), options),
    transaction: (work, options = {}) =>
      perform(
        ({ sql }) => startTransaction(beginTransaction(sql, work, options.deadlineMs ?? usualDeadlineMs)),
        options,
      ),
    drizzle: (work, options = {}) => perform((pool) => startStatement(ormOf(pool).then(work)), options),
    watch(watchers) {
      ;({ onError, onCall } = watchers)
    },
    close(deadlineMs = 1000) {
      ahead?.close()
      closed ??= disposeAll(deadlineMs)
      return closed
    },
  }
}

const disposeGraceMs = 100
const cancelGraceMs = 500

type Started<T> = {
  done: PromiseLike<T>
  surelyNotExecuted(): boolean
  /** Called at the deadline; settles when the pool may be cut. */
  abandon(): Promise<unknown>
}

function startStatement<T>(query: PromiseLike<T>): Started<T> {
  return {
    done: query,
    surelyNotExecuted: () => false,
    abandon: () => Promise.race([cancel(query), delay(cancelGraceMs)]),
  }
}

/**
 * Asks the server to stop, over a connection of its own. Whether it did is of no further interest.
 *
 * As `query.cancel()` of postgres.js, which drops the promise of that connection: if it failed, as it does when the
 * server is cut off, that would be an unhandled rejection and end the process.
 */
async function cancel(query: PromiseLike<unknown>): Promise<void> {
  if (!isCancellable(query)) return
  const { canceller } = query
  query.canceller = null
  await canceller?.(query).catch(() => {})
}

type Cancellable = PromiseLike<unknown> & { canceller: ((query: Cancellable) => Promise<void>) | null }

function isCancellable(query: PromiseLike<unknown>): query is Cancellable {
  return 'canceller' in query && typeof query.canceller === 'function'
}

function startTransaction<T>(transaction: Transaction<T>): Started<T> {
  return {
    done: transaction.done,
    surelyNotExecuted: () => !transaction.isCommitting(),
    abandon: async () => transaction.abandon(),
  }
}

async function withDeadline<T>(done: PromiseLike<T>, ms: number, onDeadline: () => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      onDeadline()
      reject(connectionError('DEADLINE_EXCEEDED'))
    }, ms)
  })
  try {
    return await Promise.race([done, deadline])
  } finally {
    clearTimeout(timer)
  }
}

// A conflict is news from a healthy server; a broken connection gets one more chance.
function maxTries(failure: Failure): number {
  return failure.kind === 'conflict' ? 5 : 2
}

/** Drizzle puts the parameters into its message; the server's own error, its cause, has none. */
function withoutParameters(error: unknown): unknown {
  const isWrapped = error instanceof Error && !(error instanceof AppError) && 'params' in error
  return isWrapped && error.cause instanceof Error ? error.cause : error
}
