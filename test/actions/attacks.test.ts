import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { answering } from '../support/raw-server.ts'
import { setup as setupModel } from './prompt-setup.ts'
import { setup } from './setup.ts'
import { assertCost, assertTook } from '../support/limits.ts'

// What a hostile model server or target sends. Judged by the processor time that it costs, the memory that it takes, and
// how the attempt ends. The time of a test counts the sender too, so the sender writes what it has made before.

const mebibyte = 1024 * 1024
const sse = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n'
const json = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n'

const lists = `{"choices":[{"message":{"content":"x"}}],"x":[${'[],'.repeat(20 * mebibyte)}[]]}`
const deep = `{"choices":${'['.repeat(10 * mebibyte)}`

type Attack = { name: string; bytes: () => Buffer; code: string; says: RegExp }

const onModel: Attack[] = [
  {
    name: '58 KB of gzip that unpack to 60 MB of lists',
    bytes: () => packed(lists),
    code: 'ANSWER_UNREADABLE',
    says: /an answer of more than 1 MiB/,
  },
  {
    name: 'gzip that unpacks to 10 MB of lists within each other',
    bytes: () => packed(deep),
    code: 'ANSWER_UNREADABLE',
    says: /an answer of more than 1 MiB/,
  },
  {
    name: 'a mebibyte of lists within each other',
    bytes: () => Buffer.from(`${json}\r\n${'['.repeat(mebibyte / 2 - 100)}${']'.repeat(mebibyte / 2 - 100)}`),
    code: 'ANSWER_UNREADABLE',
    says: /nested deeper than 200/,
  },
  {
    name: 'a million data lines without an empty one',
    bytes: () => Buffer.from(sse + 'data: x\n'.repeat(1_000_000)),
    code: 'ANSWER_UNREADABLE',
    says: /an event of more than 1 MiB/,
  },
  {
    name: 'a million empty data lines',
    bytes: () => Buffer.from(sse + 'data:\n'.repeat(1_100_000)),
    code: 'ANSWER_UNREADABLE',
    says: /an event of more than 1 MiB/,
  },
  {
    name: 'one text of 60 MiB in an event',
    bytes: () =>
      Buffer.from(`${sse}data: {"choices":[{"delta":{"content":"${'x'.repeat(60 * mebibyte)}"}}]}\n\n`),
    code: 'ANSWER_UNREADABLE',
    says: /an event of more than 1 MiB/,
  },
  {
    name: 'one endless line in chunks of 16 bytes',
    bytes: () => Buffer.from(chunked(sse, 'data: '.padEnd(16, 'x'), 'x'.repeat(16), 98_000)),
    code: 'ANSWER_UNREADABLE',
    says: /an event of more than 1 MiB/,
  },
  {
    name: 'a million bytes of comments in chunks of one byte',
    bytes: () => Buffer.from(`${chunked(sse, ':', '.', 1_000_000)}0\r\n\r\n`),
    code: 'ANSWER_EMPTY',
    says: /without text/,
  },
]

for (const { name, bytes, code, says } of onModel) {
  test(`a model server that sends ${name} costs little, and ends the attempt with ${code}`, async (t) => {
    const { ask } = await setupModel(t)
    const { url } = await serveBytes(t, bytes())
    const { outcome, cost } = await costOf(() => ask({ base_url: url, timeout_ms: 60_000 }))
    assert.deepEqual([outcome.state, outcome.error?.code], ['failed', code])
    assert.match(outcome.error?.message ?? '', says)
    assertLittle(cost)
  })
}

const onTarget: { name: string; bytes: () => Buffer; code?: string }[] = [
  {
    name: '64 KiB in chunks of one byte',
    bytes: () =>
      Buffer.from(
        `${chunked('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n', 'x', 'x', 64 * 1024 - 1)}0\r\n\r\n`,
      ),
  },
  {
    name: '64 KiB of gzip in chunks of one byte',
    bytes: () => {
      const body = gzipSync(noise(64 * 1024), { level: 0 }).toString('latin1')
      const head = 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-encoding: gzip\r\n\r\n'
      const pieces = body
        .split('')
        .map((byte) => `1\r\n${byte}\r\n`)
        .join('')
      return Buffer.from(`${chunkedHead(head)}${pieces}0\r\n\r\n`, 'latin1')
    },
  },
  {
    name: 'a header of 16,000 blanks, and a length with as many',
    bytes: () =>
      Buffer.from(
        `HTTP/1.1 200 OK\r\nx: a${' '.repeat(8_000)}a\r\ncontent-length: 1${' '.repeat(8_000)}1\r\n\r\n`,
      ),
    code: 'ANSWER_UNREADABLE',
  },
  {
    name: 'ten thousand headers',
    bytes: () => Buffer.from(`HTTP/1.1 200 OK\r\n${'a:\r\n'.repeat(10_000)}\r\n`),
    code: 'ANSWER_HEADERS_TOO_LARGE',
  },
  {
    name: 'a header of 50 MB',
    bytes: () => Buffer.from(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(50_000_000)}\r\n\r\n`),
    code: 'ANSWER_HEADERS_TOO_LARGE',
  },
  {
    name: 'trailers of 50 MB',
    bytes: () =>
      Buffer.from(
        `${chunkedHead('HTTP/1.1 200 OK\r\n\r\n')}1\r\nx\r\n0\r\n${`x: ${'x'.repeat(1_000)}\r\n`.repeat(50_000)}\r\n`,
      ),
    code: 'ANSWER_HEADERS_TOO_LARGE',
  },
  {
    name: 'extensions of chunks of 50 MB',
    bytes: () =>
      Buffer.from(`${chunkedHead('HTTP/1.1 200 OK\r\n\r\n')}1;${'x'.repeat(50_000_000)}\r\nx\r\n0\r\n\r\n`),
    code: 'ANSWER_UNREADABLE',
  },
]

for (const { name, bytes, code } of onTarget) {
  test(`a target that sends ${name} costs little, and ends the attempt ${code ? `with ${code}` : 'well'}`, async (t) => {
    const { call } = await setup(t)
    const { url } = await serveBytes(t, bytes())
    const { outcome, cost } = await costOf(() => call(url))
    assert.deepEqual([outcome.state, outcome.error?.code], [code ? 'failed' : 'succeeded', code])
    assertLittle(cost)
  })
}

test('the time limit is kept while bytes stream in, and the connection is released with it', async (t) => {
  const { ask } = await setupModel(t)
  // Whole comments, two bytes each: neither an event nor the answer gets too long before the time is over.
  const piece = Buffer.from('2\r\n:\n\r\n'.repeat(20_000))
  const { url, sockets } = await answering(t, (socket) => {
    socket.write(chunkedHead(sse))
    const more = () => {
      while (!socket.destroyed && socket.write(piece));
    }
    socket.on('drain', more)
    more()
  })
  const startedAt = performance.now()
  const outcome = await ask({ base_url: url, timeout_ms: 500, inactivity_ms: 60_000 })
  assert.deepEqual([outcome.state, outcome.error?.code], ['timed_out', 'TIMEOUT'])
  assertTook(performance.now() - startedAt, 3_000)
  while (sockets.size > 0) await new Promise(setImmediate)
})

function packed(body: string): Buffer {
  return Buffer.concat([Buffer.from(`${json}content-encoding: gzip\r\n\r\n`), gzipSync(body, { level: 9 })])
}

function chunkedHead(head: string): string {
  return head.replace(/\r\n\r\n$/, '\r\ntransfer-encoding: chunked\r\n\r\n')
}

function chunked(head: string, first: string, piece: string, times: number): string {
  const size = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
  return chunkedHead(head) + size(first) + size(piece).repeat(times)
}

function noise(bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, (_, at) => 97 + ((at * 7919) % 26)))
}

/** As much as the other side takes, and not more into memory. */
function serveBytes(t: TestContext, bytes: Buffer) {
  return answering(t, (socket: Socket) => {
    let at = 0
    const more = () => {
      while (at < bytes.length && !socket.destroyed) {
        const piece = bytes.subarray(at, at + 65_536)
        at += piece.length
        if (!socket.write(piece)) return
      }
      if (!socket.destroyed) socket.end()
    }
    socket.on('drain', more)
    more()
  })
}

type Cost = { cpuMs: number; grownMiB: number; longestBlockMs: number }

async function costOf<T>(work: () => Promise<T>): Promise<{ outcome: T; cost: Cost }> {
  globalThis.gc?.()
  const delay = monitorEventLoopDelay({ resolution: 5 })
  const before = process.memoryUsage().rss
  let most = before
  const look = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 5)
  const cpu = process.cpuUsage()
  delay.enable()
  const outcome = await work()
  delay.disable()
  const { user, system } = process.cpuUsage(cpu)
  clearInterval(look)
  most = Math.max(most, process.memoryUsage().rss)
  const cost = {
    cpuMs: (user + system) / 1000,
    grownMiB: (most - before) / mebibyte,
    longestBlockMs: delay.max / 1e6,
  }
  return { outcome, cost }
}

function assertLittle(cost: Cost): void {
  const said = JSON.stringify(cost)
  if (process.env['SHOW_COST']) console.log(said)
  assertCost(cost.cpuMs, 3_000)
  assert.ok(cost.grownMiB < 120, said)
}
