import type { Socket } from 'node:net'
import { connectionError } from './connection-error.ts'

/** A message of the server: its type, what follows its length, and all of it. */
export type Message = { type: string; body: Buffer; bytes: Buffer }

export type Messages = {
  /** The next one; rejects if the connection fails or ends before. One reader at a time. */
  next(): Promise<Message>
  /** Reads no more. What has come and was not read, if anything has. */
  stop(): Buffer
}

/** Reads the messages of a server from a connection, from now on. */
export function readMessages(socket: Socket): Messages {
  let rest: Buffer = Buffer.alloc(0)
  let failure: Error | null = null
  let wake = () => {}

  const onData = (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    wake()
  }
  const onEnd = () => onError(connectionError('CONNECTION_CLOSED'))
  const onError = (error: Error) => {
    failure ??= error
    wake()
  }
  socket.on('data', onData).on('error', onError).on('end', onEnd).on('close', onEnd)

  function take(): Message | null {
    if (rest.length < 5) return null
    const length = 1 + rest.readUInt32BE(1)
    if (length < 5 || length > longest) throw connectionError('CONNECTION_CLOSED')
    if (rest.length < length) return null
    const bytes = rest.subarray(0, length)
    rest = rest.subarray(length)
    return { type: String.fromCharCode(bytes[0] as number), body: bytes.subarray(5), bytes }
  }

  return {
    async next() {
      for (;;) {
        const found = take()
        if (found) return found
        if (failure) throw failure
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    stop() {
      socket.off('data', onData).off('error', onError).off('end', onEnd).off('close', onEnd)
      // what comes is kept until someone else reads
      socket.pause()
      return rest
    },
  }
}

/** Beyond it, what speaks there is no Postgres: a set of keys is some kilobytes. */
const longest = 16 * 1024 * 1024

/** The start of a session has no type. */
export function startup(parameters: Record<string, string>): Buffer {
  const texts = Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`)
  const body = Buffer.from(`${texts.join('')}\0`)
  const head = Buffer.alloc(8)
  head.writeUInt32BE(8 + body.length)
  head.writeUInt32BE(0x00_03_00_00, 4)
  return Buffer.concat([head, body])
}

export function message(type: string, ...parts: (string | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)))
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeUInt32BE(4 + body.length, 1)
  return Buffer.concat([head, body])
}

export function lengthOf(text: string): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(Buffer.byteLength(text))
  return length
}

/** The values of a row, which are texts. */
export function valuesOf(body: Buffer): (string | null)[] {
  let at = 2
  return Array.from({ length: body.readUInt16BE(0) }, () => {
    const length = body.readInt32BE(at)
    at += 4 + Math.max(0, length)
    return length < 0 ? null : body.toString('utf8', at - length, at)
  })
}
