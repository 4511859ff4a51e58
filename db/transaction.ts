import type postgres from 'postgres'
import { connectionError, isConnectionLost } from './errors.ts'

export type Transaction<T> = {
  done: Promise<T>
  /** True once the commit may have been sent; before that, a failure surely changed nothing. */
  isCommitting(): boolean
  /** Lets go: no further statement and no commit will be sent, whatever `work` still does. */
  abandon(): void
}

/**
 * `sql.begin`, made safe for a connection that dies inside. postgres.js would go on with the transaction's later
 * statements (and its `rollback`) on the same connection object: on a closed socket that is a TypeError outside
 * of every promise, and after a reconnect they run in someone else's session.
 *
 * The server is told the deadline as well, for this transaction only: a machine that is suspended or cut off in
 * mid-transaction must not keep rows locked. The settings are local, so they work through a transaction pooler.
 */
export function beginTransaction<T>(
  sql: postgres.Sql,
  work: (tx: postgres.TransactionSql) => Promise<T>,
  deadlineMs: number,
): Transaction<T> {
  const state: State = { over: false, committing: false }
  const done = new Promise<T>((resolve, reject) => {
    function onLost(error: Error): void {
      state.over = true
      reject(error)
    }
    const body = shield(state, onLost, (tx: postgres.TransactionSql) => {
      // Not awaited: it travels with the first statement. A failure fails the transaction.
      void tx.unsafe(limits(deadlineMs)).execute()
      return work(tx)
    })
    const finished = sql.begin(async (tx) => {
      const value = await body(tx)
      state.committing = true
      return { value }
    })
    finished.then(({ value }) => resolve(value), reject)
  }).finally(() => {
    state.over = true
  })
  return { done, isCommitting: () => state.committing, abandon: () => void (state.over = true) }
}

type State = { over: boolean; committing: boolean }

function limits(deadlineMs: number): string {
  // A little later than our own deadline, which is the one with the better error.
  const ms = Math.ceil(deadlineMs) + 250
  return `set local statement_timeout = ${ms}; set local idle_in_transaction_session_timeout = ${ms}`
}

/** Runs `work` on a guarded `tx`. Once all is over it never settles, so that postgres.js sends nothing either. */
function shield<T>(
  state: State,
  onLost: (error: Error) => void,
  work: (tx: postgres.TransactionSql) => Promise<T>,
): (tx: postgres.TransactionSql) => Promise<T> {
  return async (tx) => {
    try {
      const value = await work(guard(tx, state, onLost))
      if (!state.over) return value
    } catch (error) {
      if (!state.over) throw error
    }
    return new Promise(() => {})
  }
}

function guard(
  tx: postgres.TransactionSql,
  state: State,
  onLost: (error: Error) => void,
): postgres.TransactionSql {
  function watch(build: () => unknown): unknown {
    if (state.over) throw connectionError('CONNECTION_ENDED')
    const query = build()
    if (isQuery(query)) noteLoss(query, onLost)
    return query
  }
  return new Proxy(tx, {
    apply: (target, self, args) => watch(() => Reflect.apply(target, self, args)),
    get(target, key): unknown {
      if (key === 'unsafe')
        return (...args: Parameters<typeof tx.unsafe>) => watch(() => target.unsafe(...args))
      if (key === 'savepoint') {
        return (work: (tx: postgres.TransactionSql) => Promise<unknown>) =>
          target.savepoint(shield(state, onLost, work))
      }
      return Reflect.get(target, key)
    },
  })
}

type Query = { reject(error: unknown): void }

function isQuery(value: unknown): value is Query {
  return value instanceof Promise && 'reject' in value
}

/** Hears of a lost connection before `work` does. `then` and `catch` would start a query that is a mere fragment. */
function noteLoss(query: Query, onLost: (error: Error) => void): void {
  const reject = query.reject.bind(query)
  query.reject = (error) => {
    if (isConnectionLost(error)) onLost(error)
    reject(error)
  }
}
