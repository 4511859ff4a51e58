import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { piecesOf } from '../../src/outbound/pieces.ts'
import { countRounds } from '../support/rounds.ts'

describe('the pieces of answers', () => {
  /** The turns of the event loop in which 12 answers handed out their pieces, each of which was written at the same time. */
  async function turnsOf(pieces: readonly (string | Buffer)[]): Promise<number[]> {
    const rounds = countRounds()
    const turns: number[] = []
    const read = async (stream: Readable) => {
      for await (const piece of piecesOf(stream)) turns.push(piece.byteLength && rounds.count())
    }
    const streams = Array.from({ length: 12 }, () => new PassThrough({ highWaterMark: 256 * 1024 }))
    const read12 = Promise.all(streams.map(read))
    for (const piece of pieces) {
      const before = turns.length
      for (const stream of streams) stream.write(piece)
      while (turns.length < before + streams.length) await new Promise(setImmediate)
    }
    for (const stream of streams) stream.end()
    await read12
    rounds.stop()
    return turns
  }

  it('are handed out one in each turn of the event loop, however many answers have some', async () => {
    const turns = await turnsOf([Buffer.alloc(64 * 1024), Buffer.alloc(60 * 1024), Buffer.alloc(40 * 1024)])
    assert.equal(turns.length, 36)
    assert.deepEqual([...new Set(turns)], turns)
  })

  it('share a turn if they are small, as many as one large piece is worth', async () => {
    const turns = await turnsOf(['one', 'two', Buffer.alloc(10 * 1024)])
    assert.equal(turns.length, 36)
    const inTurn = (turn: number | undefined) => turns.filter((one) => one === turn).length
    assert.deepEqual([inTurn(turns[0]), inTurn(turns[12]), inTurn(turns[24])], [12, 12, 4])
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
