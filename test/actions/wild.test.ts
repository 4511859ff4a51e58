import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { answering } from '../support/raw-server.ts'
import { bodyOf, setup } from './setup.ts'

// Of the ports that browsers, and so fetch, do not call (fetch.spec.whatwg.org, "port blocking").
const badPorts = [10_080, 6_000, 6_566, 6_665, 6_666, 6_667, 6_668, 6_669, 5_060, 5_061, 4_190, 4_045]

test('a target on a port that browsers do not call is reached, as by curl', async (t) => {
  const { call } = await setup(t)
  const { url } = await onFirstFree(t)
  const outcome = await call(url)
  assert.equal(outcome.state, 'succeeded')
  assert.equal(bodyOf(outcome), 'here')
})

async function onFirstFree(t: TestContext) {
  for (const port of badPorts) {
    const server = await answering(t, (socket) => socket.end(ok('here')), port).catch(() => null)
    if (server) return server
  }
  throw new Error('none of these ports is free')
}

const interim = [
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 102 Processing\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 199 Odd\r\n\r\n',
]

for (const before of interim) {
  test(`${JSON.stringify(before)} before the answer, unasked, is no answer (RFC 9110, 15.2)`, async (t) => {
    const { call } = await setup(t)
    const { url } = await answering(t, (socket) => socket.end(before + ok('done')))
    const outcome = await call(url)
    assert.equal(outcome.state, 'succeeded')
    assert.equal(bodyOf(outcome), 'done')
  })
}

test('a target that sends interim answers only is given up before its time limit', async (t) => {
  const { call } = await setup(t)
  const { url, sockets } = await answering(t, (socket) => {
    for (let n = 0; n < 1_000; n++) socket.write('HTTP/1.1 103 Early Hints\r\n\r\n')
  })
  const outcome = await call(url)
  assert.deepEqual([outcome.state, outcome.error?.code], ['failed', 'ANSWER_UNREADABLE'])
  while (sockets.size > 0) await new Promise(setImmediate)
})

const charsets: [type: string, bytes: number[], text: string][] = [
  ['text/plain; charset=ISO-8859-1', [0x63, 0x61, 0x66, 0xe9], 'café'],
  ['text/plain;charset="iso-8859-15"', [0xa4], '€'],
  ['text/plain; charset=Shift_JIS', [0x93, 0xfa, 0x96, 0x7b], '日本'],
  ['text/html; Charset=windows-1251; x=y', [0xcf, 0xf0, 0xe8], 'При'],
  ['text/plain; charset=GBK', [0xc4, 0xe3], '你'],
  ['text/plain; charset=utf-16le', [0x61, 0, 0x62, 0], 'ab'],
  ['text/plain', [0xef, 0xbb, 0xbf, 0x61, 0xc3, 0xa9], 'aé'],
  ['text/plain', [0xff, 0xfe, 0x61, 0, 0xe9, 0], 'aé'],
  ['text/plain', [0xfe, 0xff, 0, 0x61, 0, 0xe9], 'aé'],
  ['text/plain; charset=ISO-8859-1', [0xef, 0xbb, 0xbf, 0xc3, 0xa9], 'é'],
  ['application/json', [0x22, 0xc3, 0xa9, 0x22], '"é"'],
  ['text/plain; charset=utf-8', [0x61], 'a'],
  ['', [0xc3, 0xa9], 'é'],
  ['', [], ''],
]

for (const [type, bytes, text] of charsets) {
  test(`${bytes.map((byte) => byte.toString(16)).join(' ')} as "${type}" is ${JSON.stringify(text)}, in one piece or in many`, async (t) => {
    const { call, logged } = await setup(t)
    for (const size of [bytes.length || 1, 1]) {
      const { url } = await answering(t, (socket) => {
        socket.write(
          `HTTP/1.1 200 OK\r\n${type && `content-type: ${type}\r\n`}transfer-encoding: chunked\r\n\r\n`,
        )
        for (let at = 0; at < bytes.length; at += size)
          socket.write(chunk(Buffer.from(bytes.slice(at, at + size))))
        socket.end('0\r\n\r\n')
      })
      const outcome = await call(url)
      assert.equal(bodyOf(outcome), text)
      assert.match(outcome.output ?? '', /^HTTP 200 in \d+ ms\n\n/)
    }
    if (/8859|jis|gbk|1251/i.test(type)) assert.equal(logged(), text + text)
  })
}

test('a charset that nobody knows is read as UTF-8, and the output says so', async (t) => {
  const { call } = await setup(t)
  const head =
    'HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset="klingon\u00ff"\r\nconnection: close\r\n\r\n'
  const { url } = await answering(t, (socket) => socket.end(Buffer.from(`${head}caf\u00c3\u00a9`, 'latin1')))
  const outcome = await call(url)
  assert.equal(bodyOf(outcome), 'café')
  assert.match(outcome.output ?? '', /, charset "klingon" is not known here and was read as UTF-8\n\n/)
})

test('a big number in an answer keeps its digits on the way to the next call', async (t) => {
  const digits = '{"snow":1097559412345678901,"half":0.10000000000000000001}'
  const { target, call } = await setup(t, { lastOutput: digits })
  const { url } = await answering(t, (socket) => socket.end(ok(digits)))
  assert.equal(bodyOf(await call(url)), digits)
  const input = { output: digits }
  await call('/', { body: '{{last.output}} {{input.output}}' }, { run: { input } })
  await call('/', { body: { last: '{{input.output}}' } }, { run: { input } })
  assert.match(
    target.calls[0]?.body ?? '',
    /: \{"snow":1097559412345678901,.*"snow":1097559412345678901,"half":0\.1/,
  )
  assert.equal(JSON.parse(target.calls[1]?.body ?? '').last, digits)
})

function ok(body: string): string {
  return `HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

function chunk(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
}
