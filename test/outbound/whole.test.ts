import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createOutbound } from '../../src/outbound/index.ts'
import { serve } from './setup.ts'

const mebibyte = Buffer.alloc(1024 * 1024, 'x')

describe('an answer that is read as a whole', () => {
  it('has 8 MiB at most, in whichever way it is read; piece by piece it may be longer', async (t) => {
    const { url } = await serve(t, (request, response) => {
      const wanted = Number(request.url?.slice(1))
      for (let n = 0; n < wanted; n++) response.write(mebibyte)
      response.end()
    })
    const line = createOutbound({ allow: ['127.0.0.0/8'], own: [] }).line()
    t.after(() => line.close())
    assert.equal((await (await line.fetch(`${url}/8`)).text()).length, 8 * mebibyte.length)
    assert.equal((await (await line.fetch(`${url}/8`)).clone().bytes()).length, 8 * mebibyte.length)
    for (const way of ['text', 'json', 'arrayBuffer', 'bytes', 'blob'] as const) {
      const answer = await line.fetch(`${url}/9`)
      await assert.rejects(
        async () => answer[way](),
        (error: Error) => error instanceof TypeError && /more than 8 MiB/.test(String(error.cause)),
      )
    }
    await assert.rejects(async () => (await line.fetch(`${url}/9`)).clone().text(), TypeError)
    let size = 0
    for await (const piece of (await line.fetch(`${url}/12`)).body ?? []) size += piece.byteLength
    assert.equal(size, 12 * mebibyte.length)
    // what was refused is given back
    assert.equal((await (await line.fetch(`${url}/8`)).text()).length, 8 * mebibyte.length)
  })

  it('has less if many are read at once, and its connection is closed', async (t) => {
    const closed: Promise<void>[] = []
    const { url } = await serve(t, (request, response) => {
      closed.push(new Promise((resolve) => request.socket.once('close', () => resolve())))
      const more = () => {
        while (response.write(mebibyte)) continue
      }
      response.on('drain', more)
      more()
    })
    const line = createOutbound({ allow: ['127.0.0.0/8'], own: [] }).line()
    t.after(() => line.close())
    const read = async () => (await line.fetch(`${url}/`)).text()
    const results = await Promise.allSettled(Array.from({ length: 12 }, read))
    const reasons = results.map((one) => (one.status === 'rejected' ? String(one.reason.cause) : 'read'))
    assert.ok(
      reasons.every((reason) => /more than (8|32) MiB/.test(reason)),
      reasons.join('; '),
    )
    await Promise.all(closed)
  })

  it('is read once', async (t) => {
    const { url } = await serve(t, (_request, response) => void response.end('{"a":1}'))
    const line = createOutbound({ allow: ['127.0.0.0/8'], own: [] }).line()
    t.after(() => line.close())
    const answer = await line.fetch(url)
    assert.deepEqual(await answer.json(), { a: 1 })
    assert.equal(answer.bodyUsed, true)
    await assert.rejects(async () => answer.text(), /read already/)
  })
})
