import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type postgres from 'postgres'
import { beginTransaction } from './transaction.ts'

/**
 * Drizzle over `sql`, without the side effects: given the pool itself it replaces that pool's parsers, and from
 * then on tagged statements get strings for times and cannot send a Date. So it gets options of its own to change,
 * and rows arrive as everywhere else: times as Date, counts as numbers. (Hence no `mode: 'string'` for times.)
 */
export function attachDrizzle(sql: postgres.Sql, deadlineMs: number): PostgresJsDatabase {
  const options = {
    ...sql.options,
    parsers: { ...sql.options.parsers },
    serializers: { ...sql.options.serializers },
  }
  const client = new Proxy(sql, {
    get(target, key): unknown {
      if (key === 'options') return options
      if (key === 'begin') return (work: Work) => beginTransaction(target, work, deadlineMs).done
      return Reflect.get(target, key)
    },
  })
  return drizzle(client)
}

type Work = (tx: postgres.TransactionSql) => Promise<unknown>
