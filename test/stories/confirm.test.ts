import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'

const hours = (n: number) => new Date(Date.parse('2026-06-18T08:00:00Z') + n * 3_600_000)

test('with a NAS that keeps arms the look after an answer is skipped once that is learnt', async () => {
  const service = await startService({ clock: hours(0) })
  const { nas, target, database } = service
  const untilKept = (count: number) =>
    until(`NAS is known to have kept ${count} arms`, async () => {
      const [fact] = await database.sql`select value from facts where name = 'nas_manners'`
      return Number(fact?.['value'].kept) >= count
    })
  const job = await service.makeJob({ schedule: 'every 1h' })
  for (let n = 1; n <= 8; n++) {
    const before = nas.requests('list').length
    service.setClock(hours(n))
    await nas.setTime(hours(n))
    await target.waitFor(n)
    await nas.waitFor(() => nas.armed().some((arm) => Date.parse(arm.fire_at) === hours(n + 1).getTime()))
    if (n <= 5) await nas.waitFor(() => nas.requests('list').length > before)
    if (n <= 5) await untilKept(n)
  }
  assert.equal(nas.fires(job.id).filter((fire) => fire.status === 202).length, 8)
  const looks = nas.requests('list').length
  assert.ok(looks <= 7, `${looks} lists: one at boot, five to learn, one sample`)
  await service.close()
})

test('with a NAS that forgets the row on a 2xx, the arm is made again after the answer', async () => {
  const service = await startService({ clock: hours(0) })
  const { nas, target } = service
  await nas.misbehave('forget_on_2xx')
  await service.makeJob({ schedule: 'every 1h' })
  for (let n = 1; n <= 3; n++) {
    service.setClock(hours(n))
    await nas.setTime(hours(n))
    await target.waitFor(n)
    await nas.waitFor(
      () => nas.armed().length === 1 && Date.parse(nas.armed()[0]?.fire_at ?? '') > hours(n).getTime(),
      10_000,
    )
    await new Promise((resolve) => setTimeout(resolve, 1_300))
    assert.equal(nas.armed().length, 1, `fire ${n}`)
  }
  await service.close()
})
