import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createChannelStore, createProjectStore, createStore } from '../../db/index.ts'
import { type Call, createModelProjects, createModelStore } from '../../dev/simulation/model-store.ts'
import { createRandom } from '../../dev/simulation/random.ts'
import { createTables } from '../../dev/simulation/tables.ts'
import { AppError } from '../../src/ground/errors.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Both, createOperations } from './same-operations.ts'

let database: TestDatabase
const met = new Set<string>()
before(async () => {
  database = await createTestDatabase()
})
after(() => database.drop())

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8, 9]) {
  test(`the simulated store answers as Postgres does, operation by operation (seed ${seed})`, async () => {
    const random = createRandom(seed)
    let now = new Date(Date.UTC(2026, 5, 18, 8, 0, 0) + seed * 86_400_000)
    const clock = () => now
    const real = { ...createStore(database.db, clock), projects: createProjectStore(database.db, clock) }
    const tables = createTables()
    const perform = async <T>(call: Call<T>) => call.carryOut(now)
    const model = { ...createModelStore(tables, perform), projects: createModelProjects(tables, perform) }
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
        if (seen?.view.project?.pausedAt) met.add('project paused')
        else if (seen?.view.project?.resumedAt) met.add('project resumed')
        if (seen?.view.project?.runsLeft === 0) met.add('minute used up')
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
    'minute used up',
    'nothing ready',
    'project paused',
    'project resumed',
    'ready claimed',
    ...runs,
  ])
})

async function empty() {
  await database.sql`with runs as (delete from runs), arms as (delete from arms) delete from jobs`
  await database.sql`delete from channels`
  await database.sql`
    update projects set paused_at = null, paused_by = null, paused_reason = null, resumed_at = null,
      runs_per_minute = null, places = null, minute = null, minute_runs = 0`
  await database.sql`delete from orphans`
  await database.sql`delete from facts`
}

/** What an operation came to; a broken constraint by its name. */
async function outcomeOf(store: Both, carryOut: (store: Both) => Promise<unknown>): Promise<unknown> {
  try {
    return await carryOut(store)
  } catch (error) {
    if (error instanceof AppError) return { refused: error.code }
    const { constraint_name: constraint, message } = error as { constraint_name?: string; message: string }
    return { broken: constraint ?? /"(\w+)"/.exec(message)?.[1] ?? message }
  }
}
