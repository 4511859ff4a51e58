import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnswerUnreadable, eventsOf } from '../../src/actions/prompt/events.ts'

async function* inPieces(text: string, size: number) {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const streams: [what: string, text: string, events: string[]][] = [
  ['lines that end with LF', 'data: a\n\ndata:b\n\n', ['a', 'b']],
  ['lines that end with CRLF', 'data: a\r\n\r\ndata: b\r\n\r\n', ['a', 'b']],
  ['lines that end with CR', 'data: a\r\rdata: b\r\r', ['a', 'b']],
  ['several lines of one event', 'data: a\ndata:  b\ndata:\n\n', ['a\n b\n']],
  ['a field without a colon', 'data\n\ndata: b\n\n', ['', 'b']],
  ['comments, names, ids and unknown fields', ': hi\nevent: e\nid: 1\nretry: 5\nwhat: x\ndata: a\n\n', ['a']],
  ['a byte order mark, and letters of four bytes', '\ufeffdata: 🚀é\n\n', ['🚀é']],
  ['a last event without its empty line', 'data: a\n\ndata: b', ['a', 'b']],
  ['nothing', '', []],
]
for (const [what, text, events] of streams)
  test(`a stream is read however it is cut: ${what}`, async () => {
    for (let size = 1; size <= Buffer.byteLength(text) + 1; size++)
      assert.deepEqual(await Array.fromAsync(eventsOf(inPieces(text, size))), events, `pieces of ${size}`)
  })

test('an event of a mebibyte is read, a longer one is refused after those before it', async () => {
  const most = 1024 * 1024
  const [whole] = await Array.fromAsync(eventsOf(inPieces(`data: ${'x'.repeat(most - 10)}\n\n`, 65_536)))
  assert.equal(whole?.length, most - 10)
  const got: string[] = []
  await assert.rejects(async () => {
    for await (const event of eventsOf(inPieces(`data: a\n\ndata: ${'x'.repeat(most + 65_536)}\n\n`, 65_536)))
      got.push(event)
  }, AnswerUnreadable)
  assert.deepEqual(got, ['a'])
})
