import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createCounterStore, createProcessRecord } from '../../db/index.ts'
import { createTally } from '../../src/telemetry/index.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
before(async () => {
  database = await createTestDatabase()
})
after(() => database.drop())

const hourMs = 3_600_000
const clock = () => new Date('2026-03-28T12:00:00Z')

async function days() {
  const rows = await database.sql<{ day: string; ms: number; starts: number; fires: number }[]>`
    select day::text, awake_ms::int as ms, starts, fires::int from awake_days order by day`
  return rows.map(({ day, ms, starts, fires }) => [day, ms / hourMs, starts, fires])
}

test('how long a process was up is spread over the days, and counts once however often it is written', async () => {
  const counters = createCounterStore(database.db, clock)
  const id = '00000000-0000-4000-8000-000000000001'
  const batch = { id, rows: [], awake: { ms: 38 * hourMs, starts: 1, fires: 3 } }
  await counters.add(batch)
  await counters.add(batch)
  const expected = [
    ['2026-03-26', 2, 0, 0],
    ['2026-03-27', 24, 0, 0],
    ['2026-03-28', 12, 1, 3],
  ]
  assert.deepEqual(await days(), expected)
  await counters.add({ ...batch, id: id.replace('1', '2'), awake: { ms: hourMs, starts: 0, fires: 1 } })
  assert.deepEqual((await days()).at(-1), ['2026-03-28', 13, 1, 4])
})

test('a process that has counted nothing leaves how long it was up with its exit record', async () => {
  await database.sql`truncate awake_days`
  const record = createProcessRecord({ database: database.db, machineId: 'm1', owner: 'm1:a', clock })
  const tally = createTally({ upSince: performance.now() - 6 * hourMs })
  assert.equal(tally.batch(), null)
  tally.count('fires', { answer: 'accepted' })
  const counted = tally.last()
  const wish = { why: 'idle', stayFor: null, countArms: true }
  await record.depart({ ...wish, counted })
  tally.written(counted.id)
  const [[day, hours, starts, fires] = []] = await days()
  assert.deepEqual([day, Math.round(Number(hours)), starts, fires], ['2026-03-28', 6, 1, 1])
  // what was written is not told again
  await record.depart({ ...wish, counted: tally.last() })
  const [[, later, again] = []] = await days()
  assert.deepEqual([Math.round(Number(later)), again], [6, 1])
})
