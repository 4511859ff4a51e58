import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startService } from '../support/service.ts'

for (const callbackPath of ['', '/', '/api/cron/fire', '/api/cron/fire//'])
  test(`a CALLBACK_URL that ends in "${callbackPath}": NAS reaches the route of fires`, async (t) => {
    const service = await startService({ clock: '2026-06-18T08:00:00Z', callbackPath })
    t.after(() => service.close())
    const { nas, target } = service
    const job = await service.makeJob({ schedule: '0 9 * * *' })
    service.setClock('2026-06-18T09:00:00Z')
    await nas.setTime('2026-06-18T09:00:00Z')
    assert.deepEqual(
      nas.fires(job.id).map(({ status }) => status),
      [202],
    )
    await target.waitFor(() => target.calls.length === 1)
  })
