import type { Socket } from 'node:net'
import { type DatabaseTarget, readDatabaseUrl } from '../../src/ground/database-url.ts'
import { connectionError } from './connection-error.ts'
import { dial } from './dial.ts'
import { lengthOf, message, type Messages, readMessages, startup, valuesOf } from './messages.ts'
import { sessionOf, usualApplicationName } from './session.ts'

/** The first connection of this process, which logs in before there is a driver to take it. */
export type Ahead = {
  /** Null: it could not be made this way, and the next connection is made the usual way. Never rejects. */
  loggedIn: Promise<LoggedIn | null>
  /** Gives up: what is there is closed. */
  close(): void
}

export type LoggedIn = {
  socket: Socket
  /** All that the server said from its consent to log in until it was ready. */
  greeting: Buffer
  /** The rows of the answer to the question that was asked along with the password; null: it was refused, or none was asked. */
  rows: (string | null)[][] | null
}

type Login = {
  url: string
  /** One statement that only reads, and that any server may see: it is sent before the server has proved itself. */
  question: string | null
}

/**
 * A connection that logs in by SCRAM without a wait where none is needed (`login=ahead` in the URL): the first message of
 * SCRAM goes with the start of the session, and `question` with the proof of the password. That takes two round trips in
 * place of four. Nothing that the server says is used before it has proved that it knows the password too.
 *
 * Whatever else happens (another way to log in, a refusal, silence), the connection is thrown away and nothing is said
 * about it: the usual way is taken, and says what is wrong. Null: it is not wanted, or the URL leaves something open.
 */
export function logInAhead(login: Login): Ahead | null {
  const { target, problems } = readDatabaseUrl(login.url)
  const { servers, user, password, database, isLoginAhead } = target
  const [server, ...others] = servers
  if (!isLoginAhead || problems.length > 0 || !server || others.length > 0) return null
  if (user === null || password === null || database === null) return null
  let opened: Socket | undefined
  const giveUp = (error?: Error) => opened?.destroy(error)

  async function logIn(): Promise<LoggedIn | null> {
    const timeoutMs = target.connectTimeoutMs ?? connectTimeoutMs
    const timer = setTimeout(giveUp, timeoutMs, connectionError('CONNECT_TIMEOUT'))
    try {
      const socket = await dial({ server: server as (typeof servers)[0], target, timeoutMs, onSocket: keep })
      keep(socket)
      return await converse(socket, { ...login, target, who: { user, password, database } as Who })
    } catch {
      giveUp()
      return null
    } finally {
      clearTimeout(timer)
    }
  }

  function keep(socket: Socket) {
    opened = socket
  }

  return { loggedIn: logIn(), close: () => giveUp() }
}

type Who = { user: string; password: string; database: string }

async function converse(
  socket: Socket,
  { target, who, question }: Login & { target: DatabaseTarget; who: Who },
): Promise<LoggedIn> {
  const messages = readMessages(socket)
  // `node:crypto` is 3 ms that the port need not wait for
  const { createScram, mechanism } = await import('./scram.ts')
  const scram = createScram(who.password)
  const { user, database } = who
  const session = { user, database, client_encoding: 'UTF8', ...sessionOf(target, usualApplicationName) }
  const first = message('p', `${mechanism}\0`, lengthOf(scram.first), scram.first)
  socket.write(Buffer.concat([startup(session), first]))
  // a server that did not expect that message, or a pooler that has dropped it, is not waited for
  const impatience = setTimeout(() => socket.destroy(connectionError('CONNECT_TIMEOUT')), patienceMs)
  const challenge = await challengeOf(messages, mechanism).finally(() => clearTimeout(impatience))
  const final = message('p', scram.final(challenge))
  socket.write(question === null ? final : Buffer.concat([final, message('Q', `${question}\0`)]))
  if (!scram.isProof((await authentication(messages, 12)).toString()))
    throw connectionError('SASL_SIGNATURE_MISMATCH')
  const greeting = await untilReady(messages)
  if (greeting[0]?.type !== 'R' || greeting[0].body.readUInt32BE(0) !== 0)
    throw connectionError('CONNECTION_CLOSED')
  const answer = question === null ? [] : await untilReady(messages)
  if (messages.stop().length > 0) throw connectionError('CONNECTION_CLOSED')
  const isRefused = question === null || answer.some(({ type }) => type === 'E')
  return {
    socket,
    greeting: Buffer.concat(greeting.map(({ bytes }) => bytes)),
    rows: isRefused ? null : answer.filter(({ type }) => type === 'D').map(({ body }) => valuesOf(body)),
  }
}

async function challengeOf(messages: Messages, mechanism: string): Promise<string> {
  const offered = (await authentication(messages, 10)).toString().split('\0')
  if (!offered.includes(mechanism)) throw connectionError('CONNECTION_CLOSED')
  return (await authentication(messages, 11)).toString()
}

/** The server's part of a login, if it is the one that comes now. */
async function authentication(messages: Messages, code: number): Promise<Buffer> {
  const { type, body } = await messages.next()
  if (type !== 'R' || body.length < 4 || body.readUInt32BE(0) !== code)
    throw connectionError('CONNECTION_CLOSED')
  return body.subarray(4)
}

/** All until the server is ready for a statement. */
async function untilReady(messages: Messages) {
  const found = []
  for (;;) {
    const next = await messages.next()
    found.push(next)
    if (next.type === 'Z') return found
  }
}

/** As long as a server may take for its part of SCRAM: a round trip, and the start of a process. */
const patienceMs = 1_000
const connectTimeoutMs = 5_000
