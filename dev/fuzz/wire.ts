import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { toBuffer } from './bytes.ts'
import type { Call } from './calls.ts'

/** `status` null: the connection ended without one. `isHung`: neither came. */
export type Answered = { status: number | null; body: string; isHung: boolean }

/** Longer than any answer may take: the slowest tests a channel, for 20 s. */
const patienceMs = 45_000
/** Followers of logs are sent away after this. */
const followedMs = 1_000
const halfClosedMs = 1_500
const mostKept = 64 * 1024

/** Sends a call over a connection of its own, byte by byte as it says, and reads the answer. */
export async function send(call: Call, port: number, fill: (text: string) => string): Promise<Answered> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  let head: Buffer = Buffer.alloc(0)
  const { promise: closed, resolve } = Promise.withResolvers<boolean>()
  socket.on('data', (piece: Buffer) => {
    if (head.length < mostKept) head = Buffer.concat([head, piece])
  })
  socket.on('error', () => {})
  socket.on('end', () => socket.destroy())
  socket.on('close', () => resolve(false))
  const isFollowed = call.path.includes('follow=') || call.path.startsWith('/api/tries')
  const timer = setTimeout(() => resolve(true), isFollowed ? followedMs : patienceMs)
  try {
    await write(call, fill, async (piece) => {
      if (!socket.destroyed && !socket.write(piece)) await sleep(1)
    })
    // a request that is not whole ends here; it can be answered without the rest
    if (!call.isPlain) setTimeout(() => socket.end(), halfClosedMs).unref()
    const isHung = (await closed) && !isFollowed
    return { ...readHead(head), isHung }
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}

async function write(
  call: Call,
  fill: (text: string) => string,
  put: (piece: Buffer) => Promise<void>,
): Promise<void> {
  const body = toBuffer(call.body, fill)
  const headers = call.headers.map(([name, value]) => `${name}: ${fill(value)}\r\n`).join('')
  const framing = framingOf(call, body.length)
  const path = fill(call.path).replaceAll(/[\s\p{Cc}]/gu, '%20')
  await put(
    Buffer.from(
      `${call.method} ${path} HTTP/1.1\r\nhost: chronos.test\r\nconnection: close\r\n${headers}${framing}\r\n`,
    ),
  )
  const size = Math.max(1, Math.ceil(body.length / call.pieces))
  for (let at = 0; at < body.length; at += size) {
    const piece = body.subarray(at, at + size)
    await put(call.framing === 'chunked' ? chunk(piece) : piece)
    if (call.gapMs > 0) await sleep(call.gapMs)
  }
  if (call.framing === 'chunked') await put(Buffer.from('0\r\n\r\n'))
}

function framingOf({ framing, headers }: Call, length: number): string {
  if (headers.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name))) return ''
  if (framing === 'none') return ''
  if (framing === 'chunked') return 'transfer-encoding: chunked\r\n'
  const told = { length, too_long: length + 100, too_short: Math.max(0, length - 3) }[framing]
  return `content-length: ${told}\r\n`
}

function chunk(piece: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')])
}

function readHead(bytes: Buffer): Pick<Answered, 'status' | 'body'> {
  const text = bytes.toString('latin1')
  // interim answers come before
  const [, told] = /^HTTP\/1\.1 ([2-9]\d\d)/m.exec(text) ?? []
  const answer = text.slice(told === undefined ? 0 : text.indexOf(`HTTP/1.1 ${told}`))
  const body = answer.slice(answer.indexOf('\r\n\r\n') + 4)
  return { status: told === undefined ? null : Number(told), body }
}
