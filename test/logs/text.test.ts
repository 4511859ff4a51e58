import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { StoredLog } from '../../db/index.ts'
import { createHeadTail } from '../../src/ground/head-tail.ts'
import { piecesFrom, wholeLog } from '../../src/attempt-logs/text.ts'

/** A log of which `most` bytes are kept at either end, as it is read from byte `from` on. */
function logOf(written: Buffer, most: number, from = 0): StoredLog {
  const kept = createHeadTail(most)
  kept.write(written)
  const [head, tail] = [kept.head(), kept.tail()]
  const tailFrom = Math.max(from - (written.length - tail.length), 0)
  return {
    ...{ attempt: 1, headBytes: head.length, tailBytes: tail.length, total: written.length },
    head: head.subarray(Math.min(from, head.length)),
    tail: tail.subarray(Math.min(tailFrom, tail.length)),
    run: { state: 'running', attempt: 1, isFinished: false },
  }
}

test('a log that fits is given as it is', () => {
  for (const text of ['', 'abc', 'abcdefgh', '\u00e4\u00f6\u00fc']) {
    assert.deepEqual(wholeLog(logOf(Buffer.from(text), 4)), { body: Buffer.from(text), isText: true })
  }
})

test('what is missing is counted, with the characters that the cuts have split', () => {
  const { body, isText } = wholeLog(logOf(Buffer.from('abc\u20ac--------\u20acxyz'), 5))
  assert.equal(isText, true)
  assert.equal(body.toString(), 'abc\n[\u2026 14 bytes omitted \u2026]\nxyz')
})

test('bytes that are no text are given as they are', () => {
  assert.equal(wholeLog(logOf(Buffer.from([1, 0xff]), 4)).isText, false)
  const bytes = Buffer.from([0xff, 0, 0x80, 1, 2, 3, 4, 0xe2])
  assert.deepEqual(wholeLog(logOf(bytes, 4)), { body: bytes, isText: false })
  const cut = wholeLog(logOf(Buffer.concat([bytes, bytes]), 2))
  assert.equal(cut.isText, false)
  const gap = Buffer.from('\n[\u2026 12 bytes omitted \u2026]\n')
  assert.deepEqual(cut.body, Buffer.concat([bytes.subarray(0, 2), gap, bytes.subarray(-2)]))
})

test('a character that is still on its way makes a text none the less a text', () => {
  const half = Buffer.from('abc\u20ac').subarray(0, 5)
  assert.deepEqual(wholeLog(logOf(half, 100)), { body: half, isText: true })
  assert.deepEqual(piecesFrom(logOf(half, 100), 0, false), [{ offset: 0, bytes: Buffer.from('abc') }])
  assert.deepEqual(piecesFrom(logOf(half, 100, 3), 3, false), [])
  assert.deepEqual(piecesFrom(logOf(half, 100, 3), 3, true), [{ offset: 3, bytes: half.subarray(3) }])
})

test('a gap that a follower comes upon parts two pieces at whole characters', () => {
  const log = logOf(Buffer.from('abc\u20ac--------\u20acxyz'), 5)
  assert.deepEqual(piecesFrom(log, 0, true), [
    { offset: 0, bytes: Buffer.from('abc') },
    { offset: 17, bytes: Buffer.from('xyz') },
  ])
})

test('a follower that keeps up gets every byte once, whatever is written and whenever it looks', () => {
  const steps = fc.array(fc.string({ unit: 'grapheme', maxLength: 5 }), { maxLength: 20 })
  fc.assert(
    fc.property(steps, fc.boolean(), (written, isBinary) => {
      const encode = (text: string) => Buffer.from(text, isBinary ? 'utf16le' : 'utf8')
      const chunks = written.map(encode)
      const most = Math.max(1, ...chunks.map(({ length }) => length)) + 3
      const got: Buffer[] = []
      let offset = 0
      chunks.forEach((_, index) => {
        const soFar = Buffer.concat(chunks.slice(0, index + 1))
        for (const piece of piecesFrom(logOf(soFar, most, offset), offset, index === chunks.length - 1)) {
          assert.equal(piece.offset, offset)
          got.push(piece.bytes)
          offset += piece.bytes.length
        }
      })
      assert.deepEqual(Buffer.concat(got), Buffer.concat(chunks))
    }),
  )
})
