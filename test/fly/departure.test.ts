import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, afterEach, before, test } from 'node:test'
import { createProcessRecord } from '../../db/index.ts'
import { closeLost } from '../../db/process-record.ts'
import { createDeparture } from '../../src/process/departure.ts'
import { createTally } from '../../src/telemetry/index.ts'
import { type Service, startService } from '../support/service.ts'

let service: Service
before(async () => {
  service = await startService({ clock: '2026-06-18T08:00:00Z' })
})
after(() => service.close())
afterEach(async () => {
  await service.database.sql`with runs as (delete from runs) delete from jobs`
  await service.database.sql`delete from facts where name like 'process:%'`
})

type Line = { level: string; message: string; fields: Record<string, unknown> }

/** A process of this machine, and what it logs. */
function processNamed(owner: string, machineId = 'm1') {
  const lines: Line[] = []
  const note = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, message, fields: { ...fields } })
  const log = { info: note('info'), warn: note('warn'), error: note('error') }
  const record = createProcessRecord({ database: service.database.db, machineId, owner, clock: () => now })
  const tally = createTally()
  for (let n = 0; n < 2; n++) tally.count('fires', { answer: 'accepted' })
  const tends: string[] = []
  const tend = async () => void tends.push(owner)
  const needs = { record, isNasUsed: () => true, nearMs: 1_000, upMs: () => upMs, tally, tend, log }
  return { lines, tends, ...createDeparture(needs) }
}

let now = new Date('2026-06-18T08:00:00Z')
let upMs = 1_500
const complaints = (lines: Line[]) =>
  lines.filter(({ level }) => level !== 'info').map(({ message }) => message)

test('a boot after a written exit complains of nothing', async () => {
  const first = processNamed('m1:a')
  await first.arrive()
  assert.equal(await first.ifNothingIsOwed(), true)
  const second = processNamed('m1:b')
  await second.arrive()
  assert.deepEqual([...complaints(first.lines), ...complaints(second.lines)], [])
})

test('a process that ended without a word is told of at the next boot of its machine, and of no other', async () => {
  await processNamed('m1:a').arrive()
  const other = processNamed('m2:a', 'm2')
  await other.arrive()
  assert.deepEqual(complaints(other.lines), [])
  const next = processNamed('m1:b')
  await next.arrive()
  assert.match(complaints(next.lines).join(), /exited without shutting down/)
  assert.equal(next.lines[0]?.fields['earlier'], 'm1:a')
})

test('an arm that is owed keeps the exit record from being written', async () => {
  const { id } = await service.makeJob()
  await service.database.sql`update job_runtime set wake_gen = wake_gen + 1 where job_id = ${id}`
  const { arrive, ifNothingIsOwed } = processNamed('m1:a')
  await arrive()
  assert.equal(await ifNothingIsOwed(), false)
  const [row] = await service.database
    .sql`select value ->> 'state' as state from facts where name = 'process:m1'`
  assert.equal(row?.['state'], 'up')
})

test('a wake time that is nearer than a boot is long keeps the process up, and a later or an older one does not', async () => {
  const { id } = await service.makeJob()
  const { ifNothingIsOwed, lines } = processNamed('m1:a')
  const leavesWithWakeIn = async (ms: number) => {
    const wakeAt = new Date(now.getTime() + ms)
    await service.database.sql`update job_runtime set wake_at = ${wakeAt} where job_id = ${id}`
    return ifNothingIsOwed()
  }
  assert.equal(await leavesWithWakeIn(999), false)
  assert.equal(lines.at(-1)?.message, 'the next wake time is nearer than a boot is long')
  assert.equal(await leavesWithWakeIn(-999), false, 'its fire is on its way')
  const record = () => service.database.sql`select from facts where name = 'process:m1'`
  assert.equal((await record()).length, 0)
  assert.equal(await leavesWithWakeIn(-1_000), true, 'NAS is late; the next process takes its fire')
  assert.equal(await leavesWithWakeIn(1_000), true)
  assert.equal((await record()).length, 1)
})

test('a run that Postgres says is ours keeps the exit record from being written, and one of others does not', async () => {
  const { id } = await service.makeJob()
  await service.database.sql`
    insert into runs (id, job_id, trigger, state, fence, attempt, owner, lease_until)
    values (gen_random_uuid(), ${id}, 'manual', 'running', 1, 1, 'm1:a', now() + interval '1 h')`
  assert.equal(await processNamed('m1:a').ifNothingIsOwed(), false)
  assert.equal(await processNamed('m1:b').ifNothingIsOwed(), true)
})

test('who is ended by others writes what is owed, and the next boot tells of it', async () => {
  const { id } = await service.makeJob()
  await service.database.sql`update job_runtime set wake_gen = wake_gen + 1 where job_id = ${id}`
  await processNamed('m1:a').anyway('SIGTERM')
  const next = processNamed('m1:b')
  await next.arrive()
  assert.match(complaints(next.lines).join(), /left unfinished work/)
  assert.equal(next.lines[0]?.fields['owed'], 1)
})

test('a process that is killed between its first claim and its look hides nothing that the one before it left', async () => {
  const { id } = await service.makeJob()
  await service.database.sql`update job_runtime set wake_gen = wake_gen + 1 where job_id = ${id}`
  await processNamed('m1:a').anyway('SIGTERM')
  const between = { state: 'up', owner: 'm1:b', at: now.toISOString(), up_ms: 0 }
  await service.database.sql`
    update facts set value = ${service.database.sql.json(between)} || jsonb_build_object('before', value)
    where name = 'process:m1'`
  const next = processNamed('m1:c')
  await next.arrive()
  assert.deepEqual(
    next.lines.map(({ message, fields }) => [message.slice(0, 30), fields['earlier']]),
    [
      ['the previous process exited wi', 'm1:b'],
      ['the previous process left unfi', 'm1:a'],
    ],
  )
})

test('a wake-up that NAS confirmed and never made is told of once a minute has passed', async () => {
  await service.makeJob({ schedule: '0 9 * * *' })
  await processNamed('m1:a').ifNothingIsOwed()
  now = new Date('2026-06-18T09:01:00Z')
  const early = processNamed('m2:a', 'm2')
  await early.arrive()
  assert.deepEqual(complaints(early.lines), [])
  now = new Date('2026-06-18T09:01:01Z')
  const late = processNamed('m1:b')
  await late.arrive()
  assert.match(complaints(late.lines).join(), /NAS confirmed these wake-ups but did not call/)
  const [{ fields }] = late.lines as [Line]
  assert.equal((fields['exited'] as { next_wake_at: string }).next_wake_at.slice(0, 16), '2026-06-18T09:00')
})

test('at its exit a process looks after history if none has for ten minutes, and only if it really goes', async () => {
  const { sql } = service.database
  const tendedBefore = async (ms: number) => {
    await sql`update history set tended_at = ${new Date(now.getTime() - ms)}`
    const { tends, ...one } = processNamed('m1:t')
    const isGone = await one.ifNothingIsOwed()
    return { isGone, tends }
  }
  assert.deepEqual(await tendedBefore(600_000), { isGone: true, tends: [] })
  assert.deepEqual(await tendedBefore(600_001), { isGone: true, tends: ['m1:t'] })
  const job = await service.makeJob()
  await sql`update job_runtime set armed_gen = 0, wake_gen = 1 where job_id = ${job.id}`
  assert.deepEqual(await tendedBefore(600_001), { isGone: false, tends: [] })
})

test('the time that processes were up is added up by the day, an exit that is written twice once', async () => {
  const { database } = service
  await database.sql`truncate process_days`
  const days = async () => {
    const rows = await database.sql`
      select to_char(day, 'DD') as day, starts, awake_ms::int as ms, fires::int from process_days order by day`
    return rows.map((row) => ({ ...row }))
  }
  now = new Date('2026-06-18T08:00:00Z')
  upMs = 1_500
  await processNamed('m1:a').arrive()
  assert.equal(await processNamed('m1:a').ifNothingIsOwed(), true)
  await processNamed('m1:a').anyway('another try')
  assert.deepEqual(await days(), [{ day: '18', starts: 1, ms: 1_500, fires: 2 }])
  // one that has to stay is up still
  await service.makeJob()
  await database.sql`update job_runtime set wake_gen = armed_gen + 1`
  assert.equal(await processNamed('m1:b').ifNothingIsOwed(), false)
  assert.deepEqual(await days(), [{ day: '18', starts: 1, ms: 1_500, fires: 2 }])
  // 8 hours and a second of the 18th, the 17th, and an hour of the 16th
  now = new Date('2026-06-18T08:00:01Z')
  upMs = 33 * 3_600_000 + 1_000
  await processNamed('m1:c').anyway('SIGTERM')
  assert.deepEqual(await days(), [
    { day: '16', starts: 1, ms: 3_600_000, fires: 0 },
    { day: '17', starts: 0, ms: 86_400_000, fires: 0 },
    { day: '18', starts: 1, ms: 1_500 + 8 * 3_600_000 + 1_000, fires: 4 },
  ])
  // of each day the first instant that is counted
  const begins = await database.sql<{ began: Date }[]>`select began from process_days order by day`
  assert.deepEqual(
    begins.map(({ began }) => began.toISOString()),
    ['2026-06-16T23:00:00.000Z', '2026-06-17T00:00:00.000Z', '2026-06-18T00:00:00.000Z'],
  )
})

test('the time of a process that was killed is added by the next start of its machine, up to its last sign of life', async () => {
  const { database } = service
  const days = async () => {
    const rows = await database.sql`
      select to_char(day, 'DD') as day, starts, awake_ms::int as ms, fires::int from process_days order by day`
    return rows.map((row) => ({ ...row }))
  }
  const recordOf = (owner: string) =>
    createProcessRecord({ database: database.db, machineId: 'm1', owner, clock: () => now })
  await database.sql`truncate process_days`
  upMs = 300
  now = new Date('2026-06-18T23:59:00Z')
  await processNamed('m1:a').arrive()
  now = new Date('2026-06-19T00:00:30Z')
  await recordOf('m1:a').sign({ counted: { id: randomUUID(), rows: [] }, fires: 7 })
  // of another process of this machine, and too late
  await recordOf('m1:x').sign({ counted: { id: randomUUID(), rows: [] }, fires: 9 })
  now = new Date('2026-06-20T08:00:00Z')
  await processNamed('m1:b').arrive()
  const ofTheFirst = [
    { day: '18', starts: 1, ms: 60_300, fires: 0 },
    { day: '19', starts: 0, ms: 30_000, fires: 7 },
  ]
  assert.deepEqual(await days(), ofTheFirst)
  // killed before its first sign, while it held a run that it had begun two seconds after its start
  const { id } = await service.makeJob()
  await database.sql`
    insert into runs (id, job_id, trigger, state, fence, attempt, owner, started_at, lease_until)
    values (gen_random_uuid(), ${id}, 'manual', 'running', 1, 1, 'm1:b', ${new Date(now.getTime() + 2_000)}, now() + interval '1 h')`
  now = new Date('2026-06-20T09:00:00Z')
  await processNamed('m1:c').arrive()
  assert.deepEqual(await days(), [...ofTheFirst, { day: '20', starts: 1, ms: 2_300, fires: 0 }])
  // it goes properly: nothing is left for the next one to add
  upMs = 1_000
  now = new Date('2026-06-20T09:00:01Z')
  await processNamed('m1:c').anyway('SIGTERM')
  await processNamed('m1:d').arrive()
  assert.deepEqual((await days()).at(-1), { day: '20', starts: 2, ms: 3_300, fires: 2 })
})

test('a process that was killed, and whose machine never starts again, is added once by the others, of which it says nothing', async () => {
  const { database } = service
  const days = async () => {
    const rows = await database.sql`
      select to_char(day, 'DD') as day, starts, awake_ms::int as ms, fires::int from process_days order by day`
    return rows.map((row) => ({ ...row }))
  }
  const close = () => database.db.transaction((tx) => closeLost(tx, now))
  await database.sql`truncate process_days`
  upMs = 300
  now = new Date('2026-06-18T08:00:00Z')
  for (const machine of ['m1', 'm2', 'm3']) await processNamed(`${machine}:a`, machine).arrive()
  const recordOf = (machineId: string) =>
    createProcessRecord({ database: database.db, machineId, owner: `${machineId}:a`, clock: () => now })
  now = new Date('2026-06-18T08:01:00Z')
  const nothing = () => ({ id: randomUUID(), rows: [] })
  await recordOf('m1').sign({ counted: nothing(), fires: 7 })
  // it is up: it holds a run whose lease lasts
  const { id } = await service.makeJob()
  await database.sql`
    insert into runs (id, job_id, trigger, state, fence, attempt, owner, started_at, lease_until)
    values (gen_random_uuid(), ${id}, 'manual', 'running', 1, 1, 'm2:a', ${now}, '2026-06-18T09:05:00Z')`
  // an hour after the last sign of each, and not before
  now = new Date('2026-06-18T08:59:59Z')
  assert.equal(await close(), 0)
  now = new Date('2026-06-18T09:01:01Z')
  // of several at once, one adds each
  const closed = await Promise.all([close(), close(), close()])
  assert.equal(
    closed.reduce((sum, n) => sum + n, 0),
    2,
  )
  const ofTwo = { day: '18', starts: 2, ms: 60_300 + 300, fires: 7 }
  assert.deepEqual(await days(), [ofTwo])

  // its machine starts after all: that is told, and nothing is added
  const next = processNamed('m1:b', 'm1')
  await next.arrive()
  assert.match(complaints(next.lines).join(), /exited without shutting down/)
  assert.deepEqual(await days(), [ofTwo])
  // another one was idle, and up all the time: what is missing is added when it goes
  now = new Date('2026-06-18T09:30:00Z')
  upMs = 5_400_300
  await processNamed('m3:a', 'm3').anyway('SIGTERM')
  await processNamed('m3:a', 'm3').anyway('SIGTERM')
  assert.deepEqual(await days(), [{ day: '18', starts: 2, ms: 60_300 + 5_400_300, fires: 9 }])
})

test('of the next start of its machine and of another process that take one for lost at the same time, one adds it', async () => {
  const { database } = service
  upMs = 300
  for (let round = 0; round < 10; round++) {
    await database.sql`truncate process_days`
    await database.sql`delete from facts where name like 'process:%'`
    now = new Date('2026-06-18T08:00:00Z')
    await processNamed('m1:a').arrive()
    now = new Date('2026-06-18T10:00:00Z')
    const close = () => database.db.transaction((tx) => closeLost(tx, now))
    await Promise.all([processNamed('m1:b').arrive(), close(), close()])
    const rows = await database.sql`select starts, awake_ms::int as ms from process_days`
    assert.deepEqual([...rows.map((row) => ({ ...row }))], [{ starts: 1, ms: 300 }])
  }
})
