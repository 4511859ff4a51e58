import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Service, startService } from '../support/service.ts'

let service: Service
before(async () => {
  service = await startService({ clock: '2026-06-18T08:00:00Z' })
})
after(() => service.close())

test('a job is armed when it is made, fired, claimed, run once, settled and armed again', async () => {
  const { nas, target, api } = service
  const job = await service.makeJob()
  assert.equal(job.armed, true)
  assert.deepEqual(
    nas.armed().map((arm) => [arm.job_id, Date.parse(arm.fire_at)]),
    [[job.id, Date.parse('2026-06-18T09:00:00Z')]],
  )

  service.setClock('2026-06-18T09:00:00Z')
  await nas.setTime('2026-06-18T09:00:00Z')
  const [call] = await target.waitFor(1)
  assert.equal(call?.headers['x-chronos-slot'], '2026-06-18T09:00:00.000Z')
  assert.equal(nas.fires(job.id)[0]?.status, 202)
  await nas.waitFor(() =>
    nas.armed().some((arm) => Date.parse(arm.fire_at) === Date.parse('2026-06-19T09:00:00Z')),
  )
  const { body } = await api('GET', `/api/jobs/${job.id}`)
  assert.equal(body.job.last_status, 'ok')
  assert.equal(body.job.next_run_at, '2026-06-19T09:00:00.000Z')
  assert.equal(body.job.latest_execution.status, 'succeeded')
})
