import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { codeOf } from '../rest/setup.ts'
import { type Service, startService } from '../support/service.ts'

// Beside the other rows of the contract: these wait out the time that a caller is given for an arm.

let service: Service
before(async () => {
  service = await startService({ clock: '2026-06-18T08:00:00Z' })
})
after(() => service.close())

const halted = { 'chronos-project': 'halted' }
const slot = '2026-06-18T09:00:00.000Z'

test('while the timer service fails: a claimed fire is answered 503 and runs, a new job and a resumed project 424 and are saved', async () => {
  const { nas, target, api } = service
  const job = await service.makeJob()
  await api('PUT', '/api/projects/halted', {})
  await api('POST', '/api/jobs', { name: 'halted', schedule: 'every 5m', action: job.action }, halted)
  await api('POST', '/api/projects/halted/pause', {})
  service.setClock(slot)
  await nas.misbehave('answer', '500')
  const fields = { name: 'unarmed', schedule: 'every 5m', action: job.action }
  const [fired, made, resumed] = await Promise.all([
    service.fire({ job_id: job.id, fire_at: slot }),
    api('POST', '/api/jobs', fields, { 'idempotency-key': 'unarmed' }),
    api('POST', '/api/projects/halted/resume', {}),
  ])

  assert.equal(codeOf(fired), '503 ARM_UNCONFIRMED')
  assert.match(fired.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
  const [call] = await target.waitFor(1)
  assert.equal(call?.headers['x-chronos-slot'], slot)

  assert.equal(codeOf(made), '424 NOT_ARMED')
  const { job_saved, scheduler_registered, retry_create } = made.body
  assert.deepEqual(
    { job_saved, scheduler_registered, retry_create },
    {
      job_saved: true,
      scheduler_registered: false,
      retry_create: false,
    },
  )
  assert.equal(made.body.job_id, made.body.job.id)
  assert.equal(made.headers.get('location'), `/api/jobs/${made.body.job.id}`)
  const saved = await api('GET', `/api/jobs/${made.body.job.id}`)
  assert.deepEqual([saved.status, saved.body.job.armed], [200, false])

  assert.equal(codeOf(resumed), '424 NOT_ARMED')
  assert.deepEqual([resumed.body.project.name, resumed.body.project.paused], ['halted', false])

  await nas.behave()
  const again = await api('POST', '/api/projects/halted/resume', {})
  assert.equal(again.status, 200, 'the request is repeated until it is sure')
  const retried = await service.fire({ job_id: job.id, fire_at: slot })
  assert.deepEqual([retried.status, retried.body.status], [200, 'duplicate'])
  assert.ok(
    nas.armed().some((arm) => arm.job_id === job.id),
    "NAS's retry repairs the arm",
  )
  assert.equal(target.calls.length, 1)
})
