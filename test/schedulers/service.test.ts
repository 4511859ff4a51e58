import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'

test('with the built-in trigger the process is the timer: a job runs, runs again, and stops when its repeats are used up, without a call to NAS', async (context) => {
  const service = await startService({ env: { CRON_PROVIDER: '' } })
  context.after(() => service.close())
  const { api, target, nas } = service
  const job = await service.makeJob({ schedule: '* * * * * *', repeat: 2 })
  // it runs all the same, but nothing outside would wake this machine
  assert.deepEqual([job.armed, job.trigger], [false, 'builtin'])
  const arm = (await api('GET', `/api/jobs/${job.id}/arm`)).body
  assert.deepEqual([arm.armed, arm.trigger, arm.drift_ms], [false, 'builtin', null])
  const calls = await target.waitFor(2)
  const slots = calls.map(({ headers }) => Date.parse(headers['x-chronos-slot'] ?? ''))
  assert.ok((slots[1] as number) > (slots[0] as number))
  const shown = await until('the job is completed', async () => {
    const { body } = await api('GET', `/api/jobs/${job.id}`)
    return body.job.state === 'completed' && body.job
  })
  assert.deepEqual(
    [shown.repeat, shown.next_run_at, shown.last_status],
    [{ times: 2, completed: 2 }, null, 'ok'],
  )
  const { body } = await api('GET', `/api/jobs/${job.id}/runs`)
  const runs: { trigger: string }[] = body.runs
  assert.equal(runs.length, 2)
  // on a busy machine a second may pass unattended
  for (const { trigger } of runs) assert.match(trigger, /^(builtin|catch_up)$/)
  assert.equal(target.calls.length, 2)
  assert.deepEqual(nas.requests(), [])
})

test('the status shows the heartbeat of the built-in trigger: that it is alive, and its last clean tick', async (context) => {
  const service = await startService({ env: { CRON_PROVIDER: '' } })
  context.after(() => service.close())
  const heartbeat = await until('a heartbeat', async () => {
    const { body } = await service.api('GET', '/api/status')
    return body.scheduler.heartbeat?.clean_tick_at && body.scheduler.heartbeat
  })
  assert.equal(heartbeat.clean_tick_at, heartbeat.alive_at)
})

test('a provider whose configuration is not complete falls back to the built-in trigger, and jobs run', async (context) => {
  const service = await startService({ env: { NAS_AUDIENCE: '' } })
  context.after(() => service.close())
  await service.makeJob({ schedule: '* * * * * *', repeat: 1 })
  await service.target.waitFor(1)
  const { body } = await service.api('GET', '/api/status')
  assert.deepEqual([body.scheduler.configured, body.scheduler.name], ['chronos', 'builtin'])
})

test('a NAS that refuses this identity for good is asked once: jobs are made all the same, and the built-in trigger runs them', async (context) => {
  const service = await startService({ begin: false })
  context.after(() => service.close())
  const { nas, app, api, target } = service
  await nas.misbehave('answer', '403')
  await app.start()
  const job = await service.makeJob({ schedule: '* * * * * *', repeat: 1 })
  assert.deepEqual([job.armed, job.trigger], [false, 'builtin'])
  await target.waitFor(1)
  const { body } = await api('GET', '/api/status')
  assert.equal(body.scheduler.name, 'builtin')
  assert.equal(body.nas.refused.code, 'NAS_INVALID_CLIENT')
  assert.equal(nas.requests().length, 1)
})
