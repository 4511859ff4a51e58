import { randomUUID } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { errorTable } from '../ground/errors.ts'

const statuses: Record<string, string> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}

/** Answers what is not HTTP, and so reaches no route: a problem document like any other, and the connection ends. */
export function answerUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const known = statuses[error.code ?? '']
  socket.end(known === undefined ? unreadable() : `HTTP/1.1 ${known}\r\nConnection: close\r\n\r\n`)
}

function unreadable(): string {
  const code = 'REQUEST_MALFORMED'
  const { status, title } = errorTable[code]
  const detail = 'The request is not HTTP/1.1, or contradicts itself. Send one Content-Length that is true.'
  const type = `urn:chronos:error:${code}`
  const body = JSON.stringify({ type, title, status, detail, code, error: detail })
  const head = [
    `HTTP/1.1 ${status} Bad Request`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${randomUUID()}`,
    'Connection: close',
  ]
  return [...head, '', body].join('\r\n')
}
