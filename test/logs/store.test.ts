import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { openLogs } from './setup.ts'

type Opened = Awaited<ReturnType<typeof openLogs>>
let opened: Opened
let jobId: string
before(async () => {
  opened = await openLogs()
  jobId = await opened.makeJob()
})
after(() => opened.close())

test('a log is written while the run shows its fence and attempt, and not else', async () => {
  const { makeRun, say, store } = opened
  const run = await makeRun(jobId, { state: 'running', attempt: 2, fence: 7 })
  assert.equal(await say(run, 'early', { attempt: 1, fence: 6 }), false)
  assert.equal(await say(run, 'mine', { attempt: 2, fence: 7 }), true)
  assert.equal(await say(run, 'late', { attempt: 2, fence: 8 }), false)
  assert.equal(await say(randomUUID(), 'nobody', { attempt: 1, fence: 1 }), false)
  assert.equal((await store.read(run, 2))?.head.toString(), 'mine')
  assert.equal((await store.read(run, 1))?.attempt, null)
})

test('bytes come back as they went in, from any of them on', async () => {
  const { makeRun, store } = opened
  const run = await makeRun(jobId, { state: 'running' })
  const head = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  const tail = Buffer.from([0, 0xff, 0])
  await store.write({ runId: run, attempt: 1, fence: 1, head, tail, total: 1_000 })
  const read = async (from: number) => {
    const log = await store.read(run, null, from)
    return [log?.head, log?.tail]
  }
  assert.deepEqual(await read(0), [head, tail])
  assert.deepEqual(await read(250), [head.subarray(250), tail])
  assert.deepEqual(await read(256), [Buffer.alloc(0), tail])
  assert.deepEqual(await read(997), [Buffer.alloc(0), tail])
  assert.deepEqual(await read(998), [Buffer.alloc(0), tail.subarray(1)])
  assert.deepEqual(await read(1_000), [Buffer.alloc(0), Buffer.alloc(0)])
  assert.deepEqual(await read(5_000), [Buffer.alloc(0), Buffer.alloc(0)])
  const log = await store.read(run, 1, 997)
  assert.deepEqual([log?.headBytes, log?.tailBytes, log?.total], [256, 3, 1_000])
})

test('a head that does not travel again stays as it was', async () => {
  const { makeRun, say, store } = opened
  const run = await makeRun(jobId, { state: 'running' })
  await say(run, 'the head')
  await store.write({ runId: run, attempt: 1, fence: 1, head: null, tail: Buffer.from('end'), total: 50 })
  const log = await store.read(run, 1)
  assert.deepEqual([log?.head.toString(), log?.tail.toString(), log?.total], ['the head', 'end', 50])
})

test('a run that wrote nothing is told apart from one that is not there', async () => {
  const { makeRun, store } = opened
  const run = await makeRun(jobId, { state: 'failed', attempt: 3 })
  const log = await store.read(run, null)
  assert.deepEqual([log?.attempt, log?.total], [null, 0])
  assert.deepEqual(log?.run, { state: 'failed', attempt: 3, isFinished: true })
  assert.equal(await store.read(randomUUID(), null), null)
})

test('a log goes with its run', async () => {
  const { makeJob, makeRun, say, sql } = opened
  const other = await makeJob()
  const run = await makeRun(other)
  await say(run, 'words')
  await sql`delete from runs where id = ${run}`
  assert.equal((await sql`select from attempt_logs where job_id = ${other}`).length, 0)
})

test('of a crowd that writes at once each log is where it belongs, and a stale one is refused alone', async () => {
  const { makeRun, say, store } = opened
  const runs = await Promise.all(Array.from({ length: 100 }, () => makeRun(jobId, { state: 'running' })))
  const said = await Promise.all(runs.map((run, i) => say(run, `log ${i}`, { fence: i % 10 === 3 ? 2 : 1 })))
  assert.deepEqual(
    said,
    runs.map((_, i) => i % 10 !== 3),
  )
  const read = await Promise.all(runs.map(async (run) => (await store.read(run, 1))?.head.toString()))
  assert.deepEqual(
    read,
    runs.map((_, i) => (i % 10 === 3 ? '' : `log ${i}`)),
  )
})
