import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Nas, startNas } from '../../dev/nas/index.ts'
import { startTarget } from '../../dev/target/index.ts'
import { createTestDatabase } from '../support/database.ts'
import { type Service, startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { assertTook } from '../support/limits.ts'

const hours = (n: number) => new Date(Date.parse('2026-06-18T08:00:00Z') + n * 3_600_000)

/** A service whose NAS has these habits, all at 08:00. */
async function setup(t: TestContext, modes: Record<string, string>) {
  const nas = await startNas({ time: hours(0), modes })
  const service = await startService({ clock: hours(0), nas })
  t.after(async () => {
    await service.close()
    await nas.close()
  })
  return { nas, service }
}

const provisions = (nas: Nas) => nas.requests('provision').length

/** The next fires of an hourly job, from the `first` hour on, each followed until the process has nothing left to do. */
async function fire(service: Service, { first, count }: { first: number; count: number }) {
  for (let n = first; n < first + count; n++) {
    service.setClock(hours(n))
    await service.nas.setTime(hours(n))
    await service.target.waitFor(n)
    await until('nothing is held', async () => service.app.holds.count() === 0)
    const [arm, ...others] = service.nas.armed()
    const aheadMs = hours(n + 1).getTime() - Date.parse(arm?.fire_at ?? '')
    // a second earlier if it would be an instant that was used lately
    assert.ok(aheadMs === 0 || aheadMs === 1_000, `after fire ${n} NAS holds ${arm?.fire_at}`)
    assert.equal(others.length, 0)
  }
}

for (const rows of ['delivered', 'kept'])
  test(`ten fires of a short job cost eleven provisions with a NAS whose rows are ${rows} on a 2xx`, async (t) => {
    const { nas, service } = await setup(t, { rows })
    await service.makeJob({ schedule: 'every 1h' })
    await fire(service, { first: 1, count: 10 })
    assert.equal(provisions(nas), 11)
  })

for (const modes of [{ rows: 'forgotten' }, { rows: 'delivered', list: 'missing' }])
  test(`ten fires cost two provisions each with ${JSON.stringify(modes)}`, async (t) => {
    const { nas, service } = await setup(t, modes)
    await service.makeJob({ schedule: 'every 1h' })
    await fire(service, { first: 1, count: 10 })
    assert.equal(provisions(nas), 21)
  })

test('a fire of a short job writes its row three times: claimed, settled, armed', async (t) => {
  const { service } = await setup(t, { rows: 'kept' })
  const { sql } = service.database
  await sql`insert into facts (name, value) values ('nas_manners', '{"kept":5,"forgot":0}')`
  await service.makeJob({ schedule: 'every 1h' })
  await until('nothing is held', async () => service.app.holds.count() === 0)
  await sql.unsafe(`
    create table writes (at timestamptz default clock_timestamp());
    create function count_write() returns trigger language plpgsql as
      'begin insert into writes default values; return null; end';
    create trigger count_write after update on job_runtime for each statement execute function count_write()`)
  await fire(service, { first: 1, count: 4 })
  const [row] = await sql`select count(*)::int as n from writes`
  assert.equal(row?.['n'], 12)
})

test('what NAS does with its rows is kept in Postgres: after a restart nothing is learnt again', async (t) => {
  const nas = await startNas({ time: hours(0), modes: { rows: 'forgotten' } })
  const [database, target] = [await createTestDatabase(), await startTarget()]
  t.after(async () => {
    await nas.close()
    await target.close()
    await database.drop()
  })
  const first = await startService({ clock: hours(0), nas, database, target })
  await first.makeJob({ schedule: 'every 1h' })
  await fire(first, { first: 1, count: 2 })
  await first.close()
  const [fact] = await database.sql`select value from facts where name = 'nas_manners'`
  assert.deepEqual(fact?.['value'], { kept: 0, forgot: 1 }, 'learnt from the first fire')

  const next = await startService({ clock: hours(2), nas, database, target })
  t.after(() => next.close())
  await until('the boot is over', async () => next.app.holds.count() === 0)
  const before = { provisions: provisions(nas), lists: nas.requests('list').length }
  await fire(next, { first: 3, count: 3 })
  assert.equal(provisions(nas) - before.provisions, 6)
  assert.equal(nas.requests('list').length, before.lists, 'what is known is not looked at')
})

test('a run that goes on: its 202 comes after a moment, when NAS holds the end of its lease', async (t) => {
  const { nas, service } = await setup(t, { rows: 'delivered' })
  const { target } = service
  target.behave('/long', { does: 'slow', value: 4_000 })
  await service.makeJob({ schedule: 'every 1h', action: { type: 'http', url: `${target.url}/long` } })
  service.setClock(hours(1))
  await nas.setTime(hours(1))
  const [answer] = nas.fires()
  assert.equal(answer?.status, 202)
  assertTook(answer?.took_ms ?? 0, 4_000, 'the answer')
  const armedMs = Date.parse(nas.armed()[0]?.fire_at ?? '')
  assert.ok(armedMs > hours(1).getTime() && armedMs < hours(2).getTime(), 'the watchdog')
  await until('nothing is held', async () => service.app.holds.count() === 0)
  assert.deepEqual(
    nas.armed().map((arm) => Date.parse(arm.fire_at)),
    [hours(2).getTime()],
  )
  assert.equal(provisions(nas), 3)
})

test('if the next slot comes before the end of the lease, the 202 does not wait for the run: one provision', async (t) => {
  const { nas, service } = await setup(t, { rows: 'kept' })
  const { sql } = service.database
  await sql`insert into facts (name, value) values ('nas_manners', '{"kept":5,"forgot":0}')`
  const { target } = service
  target.behave('/long', { does: 'slow', value: 2_000 })
  await service.makeJob({ schedule: 'every 2m', action: { type: 'http', url: `${target.url}/long` } })
  const slot = new Date(hours(0).getTime() + 120_000)
  service.setClock(slot)
  await nas.setTime(slot)
  const [answer] = nas.fires()
  assert.equal(answer?.status, 202)
  assert.equal((await sql`select from runs where finished_at is null`).length, 1, 'the run goes on')
  // the moment that is waited for otherwise
  assertTook(answer?.took_ms ?? 0, 1_000, 'the answer')
  await until('nothing is held', async () => service.app.holds.count() === 0)
  assert.equal(provisions(nas), 2)
})

test('the delivery of a short run is waited for as well: one provision for both', async (t) => {
  const { nas, service } = await setup(t, { rows: 'delivered' })
  const receiver = await startTarget()
  t.after(() => receiver.close())
  await service.makeJob({
    schedule: 'every 1h',
    deliver: [{ type: 'healthcheck', url: `${receiver.url}/check` }],
  })
  await fire(service, { first: 1, count: 3 })
  const ends = receiver.calls.filter(({ path }) => !path.includes('/start'))
  assert.equal(ends.length, 3)
  assert.equal(provisions(nas), 4)
})
