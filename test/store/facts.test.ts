import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDatabase, createStore } from '../../db/index.ts'
import { createTestDatabase } from '../support/database.ts'

test('of any number of writers that have seen the same fact, in two processes, one writes', async (t) => {
  const { url, drop } = await createTestDatabase()
  const databases = [1, 2].map(() => createDatabase({ url, max: 4, onError: () => {} }))
  t.after(async () => {
    await Promise.all(databases.map((database) => database.close()))
    await drop()
  })
  const stores = databases.map((database) => createStore(database))
  const [store] = stores as [(typeof stores)[0]]
  let seen: unknown = null
  for (let round = 0; round < 10; round++) {
    const wishes = Array.from({ length: 8 }, (_, n) => ({
      seen,
      value: { round, by: n, of: ['a', { b: null }] },
    }))
    const written = await Promise.all(
      wishes.map((wish, n) => (stores[n % 2] ?? store).swapFact('health', wish)),
    )
    const winners = wishes.filter((_, n) => written[n])
    assert.equal(winners.length, 1, `round ${round}: ${winners.length} wrote`)
    seen = (await store.readFact('health'))?.value
    assert.deepEqual(seen, winners[0]?.value)
  }
})
