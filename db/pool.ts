import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import postgres from 'postgres'
import { connectionError } from './errors.ts'
import { instantArray, int8, json, textArray } from './types.ts'
import { readDatabaseUrl } from './url.ts'

export type PoolOptions = {
  url: string
  /** At least 2: with one connection, postgres.js never settles a retry that follows a reset. */
  max: number
  connectTimeoutMs: number
  applicationName: string
}

export type Pool = {
  sql: postgres.Sql
  /** Tells the pool that the server answered: until then it opens a few connections and no more. */
  answered(): void
  /** Ends the pool: waits for what is running, `graceMs` at most, then cuts every socket. Always settles. */
  dispose(graceMs: number): Promise<void>
}

/**
 * A postgres.js pool whose sockets are ours, so that it can be thrown away for certain. postgres.js alone keeps
 * dialling a server that accepts and closes (without pause, whatever `connect_timeout` says), and its `end()`
 * may wait for ever, or leave a half-closed socket to a dead peer that keeps the process alive.
 *
 * What comes back: `timestamptz` is a Date (its microseconds are lost: do not compare-and-set on one that the
 * server made), `bigint` and `count(*)` a number, and beyond 2^53 an error. A parameter for `json` may be a
 * value, or a string that is JSON text already. Arrays of text, uuid and timestamptz come and go as arrays.
 */
export function openPool({ url, max, connectTimeoutMs, applicationName }: PoolOptions): Pool {
  const target = readDatabaseUrl(url)
  const sockets = new Set<Socket>()
  let opened = 0
  let disposed = false

  function openSocket({ host, port, path }: Address): Socket {
    if (disposed) throw connectionError('CONNECTION_ENDED')
    const turn = opened++
    if (turn >= 2 * max * host.length) throw connectionError('CONNECTION_CLOSED')
    const server = { host: host[turn % host.length] ?? 'localhost', port: port[turn % host.length] ?? 5432 }
    const socket = connect(path ? { path } : { ...server, noDelay: true })
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    // postgres.js looks for the server's name for TLS here.
    return Object.assign(socket, server)
  }

  const options = {
    max,
    prepare: target.prepare,
    ...(target.ssl && { ssl: target.ssl }),
    // One round trip less on the first connection.
    fetch_types: false,
    connect_timeout: connectTimeoutMs / 1000,
    // A connection that idles longer has likely been dropped by something in between.
    idle_timeout: 60,
    connection: { application_name: applicationName },
    onnotice: () => {},
    types: { int8, json, textArray, instantArray },
    // Missing in the published types; see connection.js, createSocket.
    socket: openSocket,
  }
  const sql: postgres.Sql = postgres(target.url, options)

  async function dispose(graceMs: number): Promise<void> {
    const ended = sql.end({ timeout: graceMs / 1000 })
    await Promise.race([ended, delay(graceMs + 20)])
    disposed = true
    for (const socket of sockets) socket.destroy()
  }

  function answered(): void {
    opened = 0
  }

  return { sql, answered, dispose }
}

type Address = { host: string[]; port: number[]; path: string | false }
