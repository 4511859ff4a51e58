import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createChannelStore, createStore, type Store } from '../../db/index.ts'
import { createModelStore } from '../../dev/simulation/model-store.ts'
import { createRandom } from '../../dev/simulation/random.ts'
import { createTables } from '../../dev/simulation/tables.ts'
import { AppError } from '../../src/ground/errors.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createOperations } from './same-operations.ts'

let database: TestDatabase
const met = new Set<string>()
before(async () => {
  database = await createTestDatabase()
})
after(() => database.drop())

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`the simulated store answers as Postgres does, operation by operation (seed ${seed})`, async () => {
    const random = createRandom(seed)
    let now = new Date(Date.UTC(2026, 5, 18, 8, 0, 0) + seed * 86_400_000)
    const clock = () => now
    const real = createStore(database.db, clock)
    const tables = createTables()
    const model = createModelStore(tables, async (call) => call.carryOut(now))
    await empty()
    for (const channel of channels) {
      await createChannelStore(database.db, clock).put({ ...channel, sealed: 'v1.0a.sealed' })
      tables.channels.push(channel)
    }
    const operations = createOperations(random, clock)

    for (let n = 0; n < 250; n++) {
      now = new Date(now.getTime() + random.pick([0, 1, 500, 10_000, 45_000]))
      const { name, carryOut } = operations.next()
      const expected = await outcomeOf(real, carryOut)
      const given = await outcomeOf(model, carryOut)
      if (name.startsWith('claimReady')) met.add(expected === null ? 'nothing ready' : 'ready claimed')
      assert.deepEqual(given, expected, `operation ${n}: ${name}`)
      for (const jobId of operations.jobIds()) {
        const [seen, shown] = await Promise.all([real.look(jobId), model.look(jobId)])
        assert.deepEqual(shown, seen, `${jobId} after operation ${n}: ${name}`)
        if (random.chance(0.6)) operations.saw(jobId, seen)
        for (const { state } of seen?.view.live ?? []) met.add(`run ${state}`)
        for (const { dueAt } of seen?.view.deliveries ?? []) met.add(dueAt ? 'delivery due' : 'delivery held')
        if (seen && seen.view.dependents.length > 0) met.add('job followed')
      }
      for (const job of tables.jobs.values())
        for (const { state } of job.deliveries) met.add(`delivery ${state}`)
    }
  })
}

/** By name. The last one concerns only jobs that name it. */
const channels = [
  { name: 'pings', type: 'healthcheck', defaultOn: null },
  { name: 'team', type: 'slack', defaultOn: ['failure', 'recovery'] },
  { name: 'unused', type: 'webhook', defaultOn: null },
]

test('all that the comparison is about has occurred in it', () => {
  const runs = ['run claimed', 'run running', 'run waiting']
  const deliveries = ['delivered', 'due', 'failed', 'held', 'pending'].map((state) => `delivery ${state}`)
  assert.deepEqual([...met].sort(), [
    ...deliveries,
    'job followed',
    'nothing ready',
    'ready claimed',
    ...runs,
  ])
})

async function empty() {
  await database.sql`with runs as (delete from runs), arms as (delete from arms) delete from jobs`
  await database.sql`delete from channels`
  await database.sql`delete from orphans`
  await database.sql`delete from facts`
}

/** What an operation came to; a broken constraint by its name. */
async function outcomeOf(store: Store, carryOut: (store: Store) => Promise<unknown>): Promise<unknown> {
  try {
    return await carryOut(store)
  } catch (error) {
    if (error instanceof AppError) return { refused: error.code }
    const { constraint_name: constraint, message } = error as { constraint_name?: string; message: string }
    return { broken: constraint ?? /"(\w+)"/.exec(message)?.[1] ?? message }
  }
}
