import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultPolicy, jitterMs } from '../../src/decisions/index.ts'
import { startService } from '../support/service.ts'

test('a fire that comes inside the jitter of its job is claimed, and the run waits for the jitter to pass', async (context) => {
  const service = await startService({ clock: '2026-06-18T08:00:00Z' })
  context.after(() => service.close())
  const { database, nas, target } = service
  await nas.misbehave('hold_fires')
  const policy = { jitterMs: 1_500 }
  const jitterOf = (job: { id: string }) => jitterMs({ id: job.id, policy: { ...defaultPolicy, ...policy } })
  let job = await service.makeJob()
  // it follows from the id: one that is long enough to be measured
  while (jitterOf(job) < 400) job = await service.makeJob()
  await database.sql`update jobs set policy = ${database.sql.json(policy)}, version = version + 1 where id = ${job.id}`

  service.setClock('2026-06-18T09:00:00.010Z')
  const firedAt = performance.now()
  const { status } = await service.fire({ job_id: job.id, fire_at: '2026-06-18T09:00:00Z' })
  assert.equal(status, 202)
  await target.waitFor(1)
  const waitedMs = performance.now() - firedAt
  assert.ok(waitedMs >= jitterOf(job) - 10, `it waited ${waitedMs} ms of ${jitterOf(job)}`)
})
