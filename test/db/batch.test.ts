import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBatch } from '../../db/batch.ts'
import { connectionError, DatabaseUnavailable } from '../../db/errors.ts'

/** A batch whose statements end when the test says so; `sent` are the items of each, in the order in which they went. */
function setup({ most = 3, atOnce = 1, refuses = [] as string[] } = {}) {
  const sent: string[][] = []
  const ends: (() => void)[] = []
  const call = createBatch<string, string>({
    keyOf: (item) => item.slice(0, 1),
    async carryOut(items) {
      sent.push(items)
      await new Promise<void>((resolve) => ends.push(resolve))
      if (items.some((item) => refuses.includes(item))) throw new Error(`refused: ${items.join(' ')}`)
      return new Map(
        items.filter((item) => !item.endsWith('?')).map((item) => [item.slice(0, 1), `${item}!`]),
      )
    },
    ...{ most, atOnce },
  })
  /** Ends every statement that is under way, until none begins any more. */
  async function endAll() {
    do {
      for (const end of ends.splice(0)) end()
      await turn()
      await turn()
    } while (ends.length > 0)
  }
  return { call, sent, endAll }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('calls of one turn share a statement, and those that come while it is under way share the next', async () => {
  const { call, sent, endAll } = setup()
  const calls = [call('a')]
  await Promise.resolve()
  calls.push(call('b'))
  await turn()
  assert.deepEqual(sent, [['a', 'b']])
  calls.push(call('c'))
  await turn()
  calls.push(call('d'))
  await turn()
  assert.deepEqual(sent, [['a', 'b']])
  await endAll()
  assert.deepEqual(sent, [
    ['a', 'b'],
    ['c', 'd'],
  ])
  assert.deepEqual(await Promise.all(calls), ['a!', 'b!', 'c!', 'd!'])
})

test('a call that comes alone goes as soon as the event loop has turned', async () => {
  const { call, sent, endAll } = setup()
  const one = call('a')
  await turn()
  assert.deepEqual(sent, [['a']])
  await endAll()
  await one
})

test('no more share a statement than may, and no more statements are under way', async () => {
  const { call, sent, endAll } = setup({ most: 2, atOnce: 2 })
  const calls = ['a', 'b', 'c', 'd', 'e'].map((item) => call(item))
  await turn()
  assert.deepEqual(sent, [
    ['a', 'b'],
    ['c', 'd'],
  ])
  await endAll()
  assert.deepEqual(sent, [['a', 'b'], ['c', 'd'], ['e']])
  await Promise.all(calls)
})

test('two calls with one key never share a statement, and keep their order', async () => {
  const { call, sent, endAll } = setup()
  const calls = ['a', 'b1', 'b2', 'c', 'b3'].map((item) => call(item))
  await endAll()
  assert.deepEqual(sent, [['a', 'b1', 'c'], ['b2'], ['b3']])
  assert.deepEqual(await Promise.all(calls), ['a!', 'b1!', 'b2!', 'c!', 'b3!'])
})

test('what the statement says nothing of is null', async () => {
  const { call, endAll } = setup()
  const calls = [call('a'), call('b?'), call('c')]
  await endAll()
  assert.deepEqual(await Promise.all(calls), ['a!', null, 'c!'])
})

test('a statement that is refused is carried out again one by one, so that the bad one fails alone', async () => {
  const { call, sent, endAll } = setup({ most: 4, refuses: ['c'] })
  const calls = Promise.allSettled(['a', 'b', 'c', 'd'].map((item) => call(item)))
  await endAll()
  assert.deepEqual(sent, [['a', 'b', 'c', 'd'], ['a'], ['b'], ['c'], ['d']])
  const results = await calls
  assert.deepEqual(
    results.map((result) =>
      result.status === 'fulfilled' ? result.value : (result.reason as Error).message,
    ),
    ['a!', 'b!', 'refused: c', 'd!'],
  )
})

test('where the database cannot be reached all of a statement fail with it, and nothing is sent again', async () => {
  const failure = new DatabaseUnavailable(
    { kind: 'unavailable', reason: 'CONNECTION_CLOSED', execution: 'unknown', poolIsSuspect: true },
    'the claim',
    connectionError('CONNECTION_CLOSED'),
  )
  let statements = 0
  const call = createBatch<string, string>({
    keyOf: (item) => item,
    async carryOut() {
      statements += 1
      await new Promise((resolve) => setImmediate(resolve))
      throw failure
    },
    ...{ most: 9, atOnce: 1 },
  })
  const results = await Promise.allSettled(['a', 'b', 'c'].map((item) => call(item)))
  assert.equal(statements, 1)
  for (const result of results) assert.equal(result.status === 'rejected' && result.reason, failure)
})
