import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Service, startService } from '../support/service.ts'
import { assertTook } from '../support/limits.ts'

let service: Service
before(async () => {
  service = await startService({ clock: '2026-06-18T08:00:00Z' })
})
after(() => service.close())

test('a pause is cancelled at NAS and a resume is armed there, both at once', async () => {
  const { nas, api } = service
  const job = await service.makeJob()
  const startedAt = performance.now()
  await api('POST', `/api/jobs/${job.id}/pause`, { reason: 'holidays' })
  assert.deepEqual(nas.armed(), [])
  const resumed = await api('POST', `/api/jobs/${job.id}/resume`)
  assert.equal(resumed.body.job.armed, true)
  assert.equal(nas.armed().length, 1)
  // the arm lease lasts 20 s: an order that no one carries out would have held this up
  assertTook(performance.now() - startedAt, 10_000)
})
