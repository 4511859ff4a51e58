import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSink } from '../../src/attempt-logs/sink.ts'
import { createManualDelays } from '../fly/delays.ts'

type Written = { head: Uint8Array | null; tail: Uint8Array; total: number }

/** A sink whose store keeps what it is told, and answers as the test says. */
function setup() {
  const delays = createManualDelays()
  const writes: Written[] = []
  const warnings: object[] = []
  let answer = async (): Promise<boolean> => true
  const store = {
    write(log: Written) {
      writes.push(log)
      return answer()
    },
  }
  const log = { warn: (fields: object) => void warnings.push(fields) }
  const sink = openSink({ store, delays, log }, { runId: 'run', attempt: 1, fence: 1 })
  return {
    ...{ sink, delays, writes, warnings },
    totals: () => writes.map(({ total }) => total),
    setAnswer: (next: () => Promise<boolean>) => {
      answer = next
    },
  }
}

test('an attempt that writes nothing stores nothing', async () => {
  const { sink, delays, writes } = setup()
  await delays.pass(10_000)
  await sink.end({ withOutcome: false })
  assert.equal(writes.length, 0)
  assert.equal(delays.waiting(), 0)
})

test('a short attempt stores its log once, at its end', async () => {
  const { sink, delays, writes } = setup()
  sink.write('one ')
  await delays.pass(500)
  sink.write(Buffer.from('two'))
  await sink.end({ withOutcome: false })
  assert.deepEqual(
    writes.map(({ head, total }) => [String(head), total]),
    [['one two', 7]],
  )
  assert.equal(delays.waiting(), 0)
})

test('with an outcome to go with, a short log is handed over in place of being stored', async () => {
  const { sink, delays, writes } = setup()
  sink.write('one ')
  await delays.pass(500)
  sink.write('two')
  assert.equal(String(await sink.end({ withOutcome: true })), 'one two')
  await delays.pass(10_000)
  assert.equal(writes.length, 0)
  assert.equal(await setup().sink.end({ withOutcome: true }), null)
})

test('a longer log, and one of which something is stored, is stored by itself all the same', async () => {
  const long = setup()
  long.sink.write('x'.repeat(8 * 1024 + 1))
  assert.equal(await long.sink.end({ withOutcome: true }), null)
  assert.deepEqual(long.totals(), [8 * 1024 + 1])
  const begun = setup()
  begun.sink.write('one ')
  await begun.delays.pass(1_000)
  begun.sink.write('two')
  assert.equal(await begun.sink.end({ withOutcome: true }), null)
  assert.deepEqual(begun.totals(), [4, 7])
})

test('while an attempt writes it is stored once a second, and not where nothing new came', async () => {
  const { sink, delays, totals } = setup()
  for (let i = 0; i < 30; i++) {
    sink.write('x')
    await delays.pass(100)
  }
  assert.deepEqual(totals(), [10, 20, 30])
  await delays.pass(60_000)
  await sink.end({ withOutcome: false })
  assert.deepEqual(totals(), [10, 20, 30])
})

test('a head that is full travels once', async () => {
  const { sink, delays, writes } = setup()
  const most = 64 * 1024
  sink.write('x'.repeat(most - 1))
  await delays.pass(1_000)
  sink.write('yz')
  await delays.pass(1_000)
  sink.write('!')
  await sink.end({ withOutcome: false })
  assert.deepEqual(
    writes.map(({ head, tail }) => [head?.byteLength ?? null, Buffer.from(tail).toString()]),
    [
      [most - 1, ''],
      [most, 'z'],
      [null, 'z!'],
    ],
  )
})

test('the end waits for what is being stored, and stores the rest of it', async () => {
  const { sink, delays, totals, setAnswer } = setup()
  const slow = Promise.withResolvers<boolean>()
  setAnswer(() => slow.promise)
  sink.write('one')
  await delays.pass(1_000)
  sink.write('two')
  const ending = sink.end({ withOutcome: false })
  assert.deepEqual(totals(), [3])
  setAnswer(async () => true)
  slow.resolve(true)
  await ending
  assert.deepEqual(totals(), [3, 6])
  await delays.pass(10_000)
  assert.deepEqual(totals(), [3, 6])
})

test('nothing more is stored once the run is somebody else’s', async () => {
  const { sink, delays, totals, setAnswer } = setup()
  setAnswer(async () => false)
  sink.write('one')
  await delays.pass(1_000)
  sink.write('two')
  await delays.pass(10_000)
  await sink.end({ withOutcome: false })
  assert.deepEqual(totals(), [3])
})

test('a store that fails is warned of and tried again, and the end does not reject', async () => {
  const { sink, delays, totals, warnings, setAnswer } = setup()
  setAnswer(() => Promise.reject(new Error('away')))
  sink.write('one')
  await delays.pass(2_500)
  assert.deepEqual(totals(), [3, 3])
  await sink.end({ withOutcome: false })
  assert.equal(warnings.length, 3)
})

test('a chunk may be changed by its owner once it is written', async () => {
  const { sink, writes } = setup()
  const reused = Buffer.from('one ')
  sink.write(reused)
  reused.fill('?')
  sink.write('two')
  await sink.end({ withOutcome: false })
  assert.deepEqual(
    writes.map(({ head }) => String(head)),
    ['one two'],
  )
})
