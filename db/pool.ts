import { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import postgres from 'postgres'
import { readDatabaseUrl } from '../src/ground/database-url.ts'
import { connectionError, SessionUnusable } from './errors.ts'
import { type Ahead, dial, type LoggedIn, sessionOf } from './login/index.ts'
import { bytea, instantArray, int8, json, textArray } from './types.ts'

export type PoolOptions = {
  url: string
  /** At least 2: with one connection, postgres.js never settles a retry that follows a reset. */
  max: number
  connectTimeoutMs: number
  applicationName: string
  /** Its first connection, which may be logged in already. */
  ahead?: Ahead | undefined
}

export type Pool = {
  sql: postgres.Sql
  /** Tells the pool that the server answered: until then it opens a few connections and no more. */
  answered(): void
  /** Ends the pool: waits for running statements, `graceMs` at most, then cuts every socket. Always settles. */
  dispose(graceMs: number): Promise<void>
}

/**
 * A postgres.js pool whose sockets are ours, so that it can be thrown away for certain. postgres.js alone keeps
 * dialling a server that accepts and closes (without pause, whatever `connect_timeout` says), and its `end()`
 * may wait for ever, or leave a half-closed socket to a dead peer that keeps the process alive.
 *
 * Types of results: `timestamptz` is a Date (its microseconds are lost: do not compare-and-set on one that the
 * server made), `bigint` and `count(*)` a number, and beyond 2^53 an error. A parameter for `json` may be a
 * value, or a string that is JSON text already. Arrays of text, uuid and timestamptz come and go as arrays.
 *
 * A server that answers with times in another form than it was asked for (db/login/session.ts) is not used.
 */
export function openPool({ url, max, connectTimeoutMs, applicationName, ahead }: PoolOptions): Pool {
  const { target, problems } = readDatabaseUrl(url)
  if (problems.length > 0) throw new Error(`DATABASE_URL is invalid: ${problems.join('; ')}`)
  const servers = target.isShuffled ? shuffled(target.servers) : target.servers
  const timeoutMs = target.connectTimeoutMs ?? connectTimeoutMs / servers.length
  const sockets = new Set<Socket>()
  let opened = 0
  let disposed = false
  let first = ahead?.loggedIn

  /** The one that was begun before; else a new one, to the first server that takes it. */
  async function openSocket(): Promise<Socket> {
    const begun = first
    first = undefined
    const loggedIn = begun && (await begun)
    if (disposed || !loggedIn || loggedIn.socket.destroyed) return openNew()
    keep(loggedIn.socket)
    return greeted(loggedIn)
  }

  /** To the first server that takes the connection, beginning with the one whose turn it is. */
  async function openNew(): Promise<Socket> {
    for (let tries = 1; ; tries++) {
      try {
        if (disposed) throw connectionError('CONNECTION_ENDED')
        const turn = opened++
        if (turn >= 2 * max * servers.length) throw connectionError('CONNECTION_CLOSED')
        const server = servers[turn % servers.length] ?? {
          name: 'localhost',
          address: 'localhost',
          port: 5432,
        }
        return await dial({ server, target, timeoutMs, onSocket: keep })
      } catch (error) {
        if (disposed || tries >= servers.length) return failedSocket(error as Error)
      }
    }
  }

  function keep(socket: Socket) {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  }

  /** Called for each setting that the server reports, before the first statement. */
  function onparameter(name: string, value: string) {
    const isOther =
      (name === 'DateStyle' && !value.startsWith('ISO')) || (name === 'server_encoding' && value !== 'UTF8')
    if (!isOther) return
    const unusable = new SessionUnusable(name, value)
    for (const socket of sockets) socket.destroy(unusable)
    throw unusable
  }

  const { user, password, database } = target
  const settings = {
    // one server for postgres.js, whichever it is: with several it would wait for the next one by itself
    host: servers[0]?.name ?? 'localhost',
    port: servers[0]?.port ?? 5432,
    ...(user !== null && { user }),
    ...(password !== null && { password }),
    ...(database !== null && { database }),
    ssl: false,
    max,
    prepare: target.prepare,
    // One round trip less on the first connection.
    fetch_types: false,
    connect_timeout: connectTimeoutMs / 1000,
    // A connection that idles longer has likely been dropped by something in between.
    idle_timeout: 60,
    // Probed by `dial`, as the URL asks for.
    keep_alive: 0,
    ...(target.wantsPrimary && { target_session_attrs: 'read-write' as const }),
    connection: sessionOf(target, applicationName),
    onnotice: () => {},
    onparameter,
    types: { int8, json, bytea, textArray, instantArray },
    // Missing in the published types; see connection.js, createSocket.
    socket: openSocket,
  }
  const sql: postgres.Sql = postgres(settings)

  async function dispose(graceMs: number): Promise<void> {
    const ended = sql.end({ timeout: graceMs / 1000 })
    await Promise.race([ended, delay(graceMs + 20)])
    disposed = true
    ahead?.close()
    for (const socket of sockets) socket.destroy()
  }

  function answered(): void {
    opened = 0
  }

  return { sql, answered, dispose }
}

/**
 * One that fails as soon as it is listened to: postgres.js gives up a connection only when a socket of it has failed and
 * closed, and would let whatever waits for this one wait for ever.
 */
function failedSocket(error: Error): Socket {
  const socket = new Socket()
  setImmediate(() => socket.destroy(error))
  return socket
}

/**
 * One that is logged in: the first that postgres.js writes is the start of a session, which has been sent, and it is
 * given the answer.
 */
function greeted({ socket, greeting }: LoggedIn): Socket {
  const write = socket.write.bind(socket)
  socket.write = () => {
    socket.write = write
    setImmediate(() => {
      socket.emit('data', greeting)
      socket.resume()
    })
    return true
  }
  return socket
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
