import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { createOutbound } from '../../src/outbound/index.ts'
import { readLimited } from '../../src/ground/read-limited.ts'
import { codeOf, serve } from './setup.ts'

const allow = ['127.0.0.0/8']
const mebibyte = 1024 * 1024

/** 256 MiB of zeroes, packed twice: about 1 KiB on the wire. */
const twice = gzipSync(gzipSync(Buffer.alloc(256 * mebibyte)))

const bombs: [encoding: string, body: Buffer][] = [
  ['gzip, gzip', twice],
  ['br', brotliCompressSync(Buffer.alloc(64 * mebibyte), { params: { 1: 1 } })],
]

for (const [encoding, body] of bombs) {
  test(`of a body that ${body.length} bytes of ${encoding} unpack to, only what is read takes memory`, async (t) => {
    const { url } = await serve(t, (_request, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(body),
    )
    const line = createOutbound({ allow, own: [] }).line()
    const before = process.memoryUsage()
    assert.equal(await readLimited(await line.fetch(url), 64 * 1024), null)
    const after = process.memoryUsage()
    await line.close()
    const grown = after.rss - before.rss
    assert.ok(grown < 40 * mebibyte, `${grown} bytes more`)
  })
}

test('a body packed more often than five times is not unpacked', async (t) => {
  let body: Buffer = Buffer.alloc(10)
  for (let n = 0; n < 6; n++) body = gzipSync(body)
  const encoding = Array.from({ length: 6 }, () => 'gzip').join(', ')
  const { url } = await serve(t, (_request, response) =>
    response.writeHead(200, { 'content-encoding': encoding }).end(body),
  )
  const line = createOutbound({ allow, own: [] }).line()
  await assert.rejects(line.fetch(url), TypeError)
  await line.close()
})

for (const [says, count, code] of [
  ['under', 15, 'answered'],
  ['over', 17, 'HTTP_HEADERS_TOO_LARGE'],
] as const) {
  test(`headers ${says} 16 KiB end as ${code}`, async (t) => {
    const { url } = await serve(t, (_request, response) => {
      for (let n = 0; n < count; n++) response.setHeader(`x-${n}`, 'x'.repeat(1_000))
      response.end()
    })
    const line = createOutbound({ allow, own: [] }).line()
    assert.equal(await line.fetch(url).then(() => 'answered', codeOf), code)
    await line.close()
  })
}

for (const [what, head, expected] of [
  ['control characters in the reason of a status', 'HTTP/1.1 200 \0\x1b[31m\x85ok', '200   [31m ok'],
  ['no reason', 'HTTP/1.1 200', '200 '],
  ['a status that no class has', 'HTTP/1.1 999 most', '999 most'],
  ['a carriage return within a header', 'HTTP/1.1 200 ok\r\nx-a: b\rc', 'HTTP_MALFORMED'],
  ['a NUL within a header', 'HTTP/1.1 200 ok\r\nx-a: b\0c', 'HTTP_MALFORMED'],
] as const) {
  test(`an answer with ${what} is read, or refused with a code`, async (t) => {
    const server = createServer((socket) => {
      socket.once('data', () => socket.end(Buffer.from(`${head}\r\ncontent-length: 0\r\n\r\n`, 'latin1')))
    }).listen(0, '127.0.0.1')
    t.after(() => server.close())
    await once(server, 'listening')
    const line = createOutbound({ allow, own: [] }).line()
    const { port } = server.address() as AddressInfo
    const say = ({ status, statusText }: Response) => `${status} ${statusText}`
    assert.equal(await line.fetch(`http://127.0.0.1:${port}/`).then(say, codeOf), expected)
    await line.close()
  })
}
