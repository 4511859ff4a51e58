import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { createCounterStore, createProcessRecord } from '../../db/index.ts'
import {
  type Batch,
  createKeeping,
  createTally,
  keptFamilies,
  type Tally,
} from '../../src/telemetry/index.ts'
import { createManualDelays } from '../fly/delays.ts'
import { until } from '../support/until.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
before(async () => {
  database = await createTestDatabase()
})
after(() => database.drop())
afterEach(() => database.sql`delete from counters`)

const silent = { warn() {} }
const store = () => createCounterStore(database.db)
const add = (counted: Batch) =>
  createProcessRecord({ database: database.db, machineId: 'm1', owner: 'm1:a' }).sign({ counted, fires: 0 })

async function rows(): Promise<Record<string, number>> {
  const read = await store().read()
  return Object.fromEntries(read.map(({ name, labels, value }) => [`${name}${labels}`, value]))
}

function taken(tally: Tally) {
  return tally.batch() ?? assert.fail('nothing was counted')
}

test('what processes count is added up', async () => {
  for (const answer of ['accepted', 'accepted', 'gone']) {
    const tally = createTally()
    tally.count('fires', { answer })
    tally.observe('claim', 0.002)
    await add(taken(tally))
  }
  assert.deepEqual(await rows(), {
    'chronos_fires_total{"answer":"accepted"}': 2,
    'chronos_fires_total{"answer":"gone"}': 1,
    'chronos_claim_duration_seconds_bucket{"le":"0.0025"}': 3,
    'chronos_claim_duration_seconds_sum{}': 0.006,
  })
})

test('a batch whose answer was lost is sent again under its id, and counts once; what came meanwhile follows', async () => {
  const tally = createTally()
  tally.count('fires', { answer: 'accepted' })
  await add(taken(tally))
  // its answer is lost: nobody calls `written`
  tally.count('fires', { answer: 'accepted' })
  const again = taken(tally)
  await add(again)
  assert.deepEqual(await rows(), { 'chronos_fires_total{"answer":"accepted"}': 1 })
  tally.written(again.id)
  await add(taken(tally))
  assert.deepEqual(await rows(), { 'chronos_fires_total{"answer":"accepted"}': 2 })
})

test('many processes write at once in different orders: none waits for ever, none is lost', async () => {
  const answers = Array.from({ length: 30 }, (_, at) => `a${at}`)
  const one = (at: number) => {
    const tally = createTally()
    for (const answer of at % 2 ? answers : answers.toReversed()) tally.count('fires', { answer })
    return add(taken(tally))
  }
  await Promise.all(Array.from({ length: 40 }, (_, at) => one(at)))
  assert.deepEqual(new Set(Object.values(await rows())), new Set([40]))
})

test('rows are taken in one order, whatever order they were counted in: who waits for one holds none behind it', async () => {
  const both = () => {
    const tally = createTally()
    for (const answer of ['a2', 'a1']) tally.count('fires', { answer })
    return add(taken(tally))
  }
  await both()
  let adding: Promise<void> | undefined
  await database.sql.begin(async (tx) => {
    await tx`update counters set value = value where labels = '{"answer":"a1"}'`
    adding = both()
    await until('it waits for the first row', async () => {
      const [row] = await database.sql`select 1 from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like '%insert into counters%'`
      return row ?? null
    })
    await tx`select from counters where labels = '{"answer":"a2"}' for update nowait`
  })
  await adding
  assert.deepEqual(Object.values(await rows()), [2, 2])
})

test('the exit record takes what was counted with it, and another try of it counts nothing twice', async () => {
  const record = createProcessRecord({ database: database.db, machineId: 'm1', owner: 'm1:a' })
  const tally = createTally()
  tally.count('arms', { outcome: 'armed' })
  const wish = {
    why: 'idle',
    stayFor: { nearMs: 0 },
    countArms: true,
    counted: taken(tally),
    upMs: 1,
    fires: 0,
  }
  await record.depart(wish)
  await record.depart(wish)
  await record.depart({ ...wish, counted: null })
  assert.deepEqual(await rows(), { 'chronos_arms_total{"outcome":"armed"}': 1 })
})

test('a process that is up for less than a minute writes nothing before its exit, one that stays up does once a minute', async () => {
  const delays = createManualDelays()
  const tally = createTally()
  const writes: number[] = []
  const write = async () => void writes.push(delays.now())
  const keeping = createKeeping({ tally, write, delays, log: silent })
  await delays.pass(1_000)
  for (let fires = 0; fires < 5; fires++) tally.count('fires', { answer: 'accepted' })
  await delays.pass(59_000)
  assert.deepEqual(writes, [])
  await delays.pass(600_000)
  assert.deepEqual(writes, [61_000])
  tally.observe('statement', 0.01)
  await delays.pass(600_000)
  assert.deepEqual(writes, [61_000], 'its own statements alone are worth no statement')
  tally.count('fires', { answer: 'token_rejected' }, { isNews: false })
  await delays.pass(600_000)
  assert.deepEqual([writes, tally.fires()], [[61_000], 5], 'a stranger causes no statement')
  tally.count('fires', { answer: 'accepted' })
  keeping.stop()
  assert.equal(delays.waiting(), 0)
})

test('what Postgres did not take is tried again a minute later', async () => {
  const delays = createManualDelays()
  const tally = createTally()
  const ids: string[] = []
  createKeeping({
    ...{ tally, delays, log: silent },
    async write({ id }) {
      ids.push(id)
      if (ids.length === 1) throw new Error('away')
    },
  })
  tally.count('fires', { answer: 'accepted' })
  await delays.pass(120_000)
  assert.equal(ids.length, 2)
  assert.equal(ids[0], ids[1])
})

test('a bucket that an older version had counts in the one that its bound is in now', () => {
  const name = 'chronos_claim_duration_seconds_bucket'
  const families = keptFamilies([
    { name, labels: '{"le":"0.0009"}', value: 2 },
    { name, labels: '{"le":"0.001"}', value: 3 },
    { name, labels: '{"le":"+Inf"}', value: 5 },
    { name, labels: '{"le":"60"}', value: 7 },
  ])
  const claim = families.find((family) => family.name === 'chronos_claim_duration_seconds')
  assert.ok(claim?.type === 'histogram')
  assert.deepEqual([claim.counts[0], claim.counts.at(-1)], [5, 12])
})
