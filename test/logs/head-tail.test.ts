import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createHeadTail } from '../../src/ground/head-tail.ts'

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
  const many = Array.from({ length: 20 }, () => createHeadTail(64 * 1024))
  const piece = Buffer.from('x')
  const used = () => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers
  const before = used()
  for (const kept of many) for (let at = 0; at < 64 * 1024; at++) kept.write(piece)
  const grown = used() - before
  assert.ok(grown < 60 * 1024 * 1024, `${grown} bytes for ${20 * 64} KiB`)
  for (const kept of many) assert.equal(kept.head().length, 64 * 1024)
})
