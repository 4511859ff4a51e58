import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { piecesOf } from '../../src/outbound/pieces.ts'
import { countRounds } from '../support/rounds.ts'

describe('the pieces of answers', () => {
  it('are handed out one in each turn of the event loop, however many answers have some', async () => {
    const rounds = countRounds()
    const turns: number[] = []
    const read = async (stream: Readable) => {
      for await (const piece of piecesOf(stream)) turns.push(piece.byteLength && rounds.count())
    }
    const streams = Array.from({ length: 12 }, () => new PassThrough())
    const read12 = Promise.all(streams.map(read))
    for (const text of ['one', 'two', 'three']) {
      for (const stream of streams) stream.write(text)
      const before = turns.length
      while (turns.length < before + streams.length) await new Promise(setImmediate)
    }
    for (const stream of streams) stream.end('the last one')
    await read12
    rounds.stop()
    assert.equal(turns.length, 48)
    assert.deepEqual([...new Set(turns)], turns)
  })

  it('are small however much a fast sender has sent, and so is the buffer before them', async () => {
    const stream = new Readable({
      highWaterMark: 64 * 1024,
      read() {
        this.push(Buffer.alloc(16 * 1024))
      },
    })
    let count = 0
    for await (const piece of piecesOf(stream)) {
      assert.ok(piece.byteLength <= 80 * 1024, `${piece.byteLength} bytes`)
      assert.ok(stream.readableHighWaterMark === 64 * 1024, `${stream.readableHighWaterMark}`)
      if (++count > 20) break
    }
  })

  it('of one stream that were not read yet are one', async () => {
    const stream = new Readable({ read: () => undefined })
    for (const text of ['a', 'b', 'c', null]) stream.push(text)
    const pieces: string[] = []
    for await (const piece of piecesOf(stream)) pieces.push(Buffer.from(piece).toString())
    assert.deepEqual(pieces, ['abc'])
  })
})
