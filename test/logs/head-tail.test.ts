import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createHeadTail } from '../../src/head-tail.ts'

test('whatever is written in whatever pieces, its first and its last bytes are kept', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 16 }), pieces, (most, written) => {
      const kept = createHeadTail(most)
      for (const piece of written) kept.write(piece)
      const all = Buffer.concat(written)
      assert.equal(kept.total(), all.length)
      assert.deepEqual(kept.head(), all.subarray(0, most))
      assert.deepEqual(kept.tail(), all.subarray(most).subarray(-most))
    }),
  )
})

test('what is kept does not change with the bytes that it came from', () => {
  const kept = createHeadTail(4)
  const piece = Buffer.from('abcdefgh')
  kept.write(piece)
  piece.fill('x')
  assert.equal(Buffer.concat([kept.head(), kept.tail()]).toString(), 'abcdefgh')
})

test('what is written byte by byte takes no more memory than what is kept', () => {
  const kept = createHeadTail(64 * 1024)
  const piece = Buffer.from('x')
  const before = process.memoryUsage().rss
  for (let at = 0; at < 64 * 1024; at++) kept.write(piece)
  assert.ok(process.memoryUsage().rss - before < 8 * 1024 * 1024)
  assert.equal(kept.head().length, 64 * 1024)
})
