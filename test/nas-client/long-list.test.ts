import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { createRowReader } from '../../src/timers/nas/rows.ts'
import { jobId, oddPortal } from './setup.ts'

const fireAtMs = Date.parse('2026-06-18T10:34:56Z')
const row = (fields = {}) => JSON.stringify({ job_id: jobId, fire_at: '2026-06-18T10:34:56Z', ...fields })

/** Sends `piece` again and again, as fast as it is taken, `times` or until the reader has gone. Gives the bytes sent. */
async function send(response: ServerResponse, piece: string, times = Number.POSITIVE_INFINITY) {
  const bytes = Buffer.from(piece)
  let sent = 0
  const gone = once(response, 'close')
  for (; sent < times && !response.destroyed; sent++)
    if (!response.write(bytes)) await Promise.race([once(response, 'drain'), gone])
  return sent * bytes.length
}

test('a list of more than 64 MiB is read, however long it is', async (t) => {
  const piece = `${row({ note: 'x'.repeat(900) })},`.repeat(1_000)
  const times = Math.ceil((65 * 1024 * 1024) / piece.length)
  const { client } = await oddPortal(t, (response) => {
    response.write('{"armed":[')
    void send(response, piece, times).then(() => response.end(`${row()}]}`))
  })
  const list = await client.list()
  assert.ok(list.ok, JSON.stringify(list))
  assert.equal(list.value?.length, times * 1_000 + 1)
  assert.deepEqual(list.value?.at(-1), { jobId, fireAtMs })
})

test('an entry of 10 MB is left out, and its neighbours are read', async (t) => {
  const { client, log } = await oddPortal(t, (response) => {
    response.write(`{"armed":[${row()},{"job_id":"`)
    void send(response, 'é,}]{\\"'.repeat(10_000), 125).then(() => response.end(`"},${row()}],"more":1}`))
  })
  const list = await client.list()
  const arm = { jobId, fireAtMs }
  assert.deepEqual(list, { ok: true, value: [arm, arm] })
  assert.deepEqual(
    log.lines.map(({ fields }) => fields),
    [{ skipped: 1, read: 2 }],
  )
})

for (const [what, begin, piece] of [
  ['entries that never end', '{"armed":[', '{},'.repeat(20_000)],
  ['an object that never ends around the list', '{"more":"', 'x'.repeat(60_000)],
  ['lists of other names that never end', '{', '"a":[],'.repeat(1_000)],
  ['space that never ends', '{"armed":[', ' '.repeat(60_000)],
] as const) {
  test(`${what} are given up`, async (t) => {
    let sent: Promise<number> | undefined
    const { client } = await oddPortal(t, (response) => {
      response.write(begin)
      sent = send(response, piece)
    })
    const list = await client.list()
    assert.deepEqual(!list.ok && [list.kind, list.code], ['transient', 'NAS_UNREADABLE'])
    // the connection was cut as well
    assert.ok(((await sent) ?? 0) < 64 * 1024 * 1024)
  })
}

test('wherever a body is cut, in an escape, in a letter, in a number, its items are the same', () => {
  const items = ['\\u00e9\\"', 'é€😀', { a: [-1.5e-7, '],{'] }, '\\', ',"']
  const body = Buffer.from(JSON.stringify({ armed: items, after: 'é' }))
  for (let size = 1; size <= body.length; size++) {
    const read: unknown[] = []
    const reader = createRowReader('armed', (item) => read.push(item))
    for (let at = 0; at < body.length; at += size)
      assert.equal(reader.take(body.subarray(at, at + size)), null)
    assert.deepEqual([read, reader.end()], [items, { armed: [], after: 'é' }])
  }
})
