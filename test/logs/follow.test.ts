import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { DatabaseUnavailable } from '../../db/index.ts'
import { createLogs, type LogEvent } from '../../src/attempt-logs/logs.ts'
import { createManualDelays } from '../fly/delays.ts'
import { openLogs } from './setup.ts'

type Opened = Awaited<ReturnType<typeof openLogs>>
let opened: Opened
let jobId: string
before(async () => {
  opened = await openLogs()
  jobId = await opened.makeJob()
})
after(() => opened.close())

type From = { attempt?: number; offset?: number; isOnly?: boolean }

/** A follower, and `next`: its next event, letting time pass until there is one. */
async function follow(runId: string, { attempt, offset = 0, isOnly = false }: From = {}) {
  const delays = createManualDelays()
  const gone = new AbortController()
  const reads = { count: 0, isBroken: false }
  let isDraining = false
  const store = {
    ...opened.store,
    read(...given: Parameters<Opened['store']['read']>) {
      reads.count += 1
      if (reads.isBroken)
        throw new DatabaseUnavailable(
          { kind: 'unavailable', reason: 'X', execution: 'not_executed', poolIsSuspect: true },
          'it',
          null,
        )
      return opened.store.read(...given)
    },
  }
  const logs = createLogs({ store, delays, isDraining: () => isDraining })
  const events = await logs.follow(runId, { attempt: attempt ?? null, offset, isOnly }, gone.signal)

  async function next(): Promise<LogEvent | 'over'> {
    const state = { isThere: false }
    const asked = events.next().finally(() => (state.isThere = true))
    while (!state.isThere) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      await delays.pass(500)
    }
    const { value, done } = await asked
    return done ? 'over' : value
  }
  return {
    ...{ next, delays, gone, reads },
    drain: () => void (isDraining = true),
  }
}

const finish = (runId: string, state = 'succeeded') =>
  opened.sql`update runs set state = ${state}, finished_at = claimed_at, owner = null, lease_until = null where id = ${runId}`

const nextAttempt = (runId: string) =>
  opened.sql`update runs set attempt = attempt + 1, fence = fence + 1 where id = ${runId}`

const said = (attempt: number, offset: number, text: string) => ({
  ...{ type: 'log', attempt, offset, text },
  end: offset + Buffer.byteLength(text),
})

test('a follower hears what is there, what comes, and how it ended', async () => {
  const run = await opened.makeRun(jobId, { state: 'running' })
  await opened.say(run, 'one ')
  const { next } = await follow(run)
  assert.deepEqual(await next(), said(1, 0, 'one '))
  await opened.say(run, 'one two')
  assert.deepEqual(await next(), said(1, 4, 'two'))
  await opened.say(run, 'one two three')
  await finish(run, 'failed')
  assert.deepEqual(await next(), said(1, 7, ' three'))
  assert.deepEqual(await next(), { type: 'end', state: 'failed' })
  assert.equal(await next(), 'over')
})

test('a follower goes on with the attempts that follow', async () => {
  const run = await opened.makeRun(jobId, { state: 'running' })
  await opened.say(run, 'first')
  const { next } = await follow(run)
  assert.deepEqual(await next(), said(1, 0, 'first'))
  await nextAttempt(run)
  await nextAttempt(run)
  await opened.say(run, 'third', { attempt: 3, fence: 3 })
  assert.deepEqual(await next(), said(3, 0, 'third'))
  await finish(run)
  assert.deepEqual(await next(), { type: 'end', state: 'succeeded' })
})

test('who follows one attempt only is told that it is over', async () => {
  const run = await opened.makeRun(jobId, { state: 'running' })
  await opened.say(run, 'first')
  await nextAttempt(run)
  const { next } = await follow(run, { attempt: 1, isOnly: true })
  assert.deepEqual(await next(), said(1, 0, 'first'))
  assert.deepEqual(await next(), { type: 'end', state: 'running' })
  assert.equal(await next(), 'over')
})

test('a follower that comes back goes on where it was', async () => {
  const run = await opened.makeRun(jobId, { state: 'running' })
  await opened.say(run, 'one two')
  const { next } = await follow(run, { attempt: 1, offset: 4 })
  assert.deepEqual(await next(), said(1, 4, 'two'))
})

test('bytes that are no text come as base64', async () => {
  const run = await opened.makeRun(jobId)
  const head = Buffer.from([0xff, 0xfe, 0])
  await opened.store.write({ runId: run, attempt: 1, fence: 1, head, tail: Buffer.alloc(0), total: 3 })
  const { next } = await follow(run)
  assert.deepEqual(await next(), { type: 'log', attempt: 1, offset: 0, end: 3, base64: '//4A' })
})

test('where nothing comes, a sign of life does, every 15 seconds', async () => {
  const run = await opened.makeRun(jobId, { state: 'running' })
  const { next, delays } = await follow(run)
  assert.deepEqual(await next(), { type: 'beat' })
  // the test lets time pass half a second further than it needs
  assert.ok(delays.now() >= 15_000 && delays.now() < 17_000)
  assert.deepEqual(await next(), { type: 'beat' })
  assert.ok(delays.now() >= 30_000 && delays.now() < 34_000)
})

test('nothing is read once the client has gone', async () => {
  const run = await opened.makeRun(jobId, { state: 'running' })
  await opened.say(run, 'one')
  const { next, gone, reads, delays } = await follow(run)
  await next()
  gone.abort()
  assert.equal(await next(), 'over')
  const { count } = reads
  await delays.pass(10_000)
  assert.equal(reads.count, count)
})

test('a follower ends with the process', async () => {
  const run = await opened.makeRun(jobId, { state: 'running' })
  const { next, drain } = await follow(run)
  drain()
  assert.equal(await next(), 'over')
})

test('a run that is removed ends its followers', async () => {
  const job = await opened.makeJob()
  const run = await opened.makeRun(job, { state: 'running' })
  await opened.say(run, 'one')
  const { next } = await follow(run)
  await next()
  await opened.sql`delete from runs where job_id = ${job}`
  assert.deepEqual(await next(), { type: 'end', state: null })
})

test('a database that does not answer for a while ends no follower', async () => {
  const run = await opened.makeRun(jobId, { state: 'running' })
  await opened.say(run, 'one')
  const { next, reads } = await follow(run)
  await next()
  reads.isBroken = true
  assert.deepEqual(await next(), { type: 'beat' })
  reads.isBroken = false
  await opened.say(run, 'one two')
  assert.deepEqual(await next(), said(1, 3, ' two'))
})

test('a run or an attempt that is not there is refused before anything is told', async () => {
  const run = await opened.makeRun(jobId, { attempt: 2 })
  await assert.rejects(follow(randomUUID()), { code: 'RUN_NOT_FOUND' })
  await assert.rejects(follow(run, { attempt: 3 }), {
    code: 'FIELD_INVALID',
    message: /must be from 1 to 2/,
  })
})
