import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Json, type Service } from '../support/service.ts'
import { finished, startForClients } from './setup.ts'

// Fields that other programs read by their names. More may be added; none may go.

let service: Service
before(async () => {
  service = await startForClients()
})
after(() => service.close())

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** Each field is there and of its type; `?` after a type: or null. */
function hasShape(value: Json, shape: Record<string, string>): void {
  for (const [field, kind] of Object.entries(shape)) {
    const found: unknown = value[field]
    const [type = '', isNullable] = kind.split('?')
    assert.notEqual(found, undefined, `${field} is missing`)
    if (found === null) assert.notEqual(isNullable, undefined, `${field} is null`)
    else if (type === 'instant') assert.match(found as string, instant, field)
    else if (type === 'list') assert.ok(Array.isArray(found), field)
    else if (type !== 'any') assert.equal(typeof found, type, field)
  }
}

const jobShape = {
  ...{ id: 'string', name: 'string', schedule: 'object', schedule_display: 'string', timezone: 'string' },
  ...{ prompt: 'string?', skills: 'list', deliver: 'any?', action: 'object', enabled: 'boolean' },
  ...{ state: 'string', next_run_at: 'instant?', last_run_at: 'instant?', last_status: 'string?' },
  ...{ last_error: 'string?', latest_execution: 'object?', repeat: 'object', armed: 'boolean' },
  ...{ paused_at: 'instant?', paused_reason: 'string?', failure_streak: 'number', tags: 'list' },
  ...{ created_at: 'instant', updated_at: 'instant', version: 'number' },
  ...{ skill: 'string?', model: 'string?', provider: 'string?', origin: 'any?' },
  ...{ last_delivery_error: 'string?', tells_nobody: 'boolean' },
}
const runShape = {
  ...{ id: 'string', job_id: 'string', slot: 'instant?', trigger: 'string', state: 'string' },
  ...{ attempt: 'number', attempts: 'list', claimed_at: 'instant', started_at: 'instant?' },
  ...{ finished_at: 'instant?', duration_ms: 'number?', lateness_ms: 'number?', error: 'object?' },
  ...{ output: 'string?', job_name: 'string' },
}

test('a job has every field that clients read, before and after a run, alone and in a list', async () => {
  const job = await service.makeJob({ tags: ['shape'] })
  hasShape(job, jobShape)
  assert.deepEqual(job.schedule, { kind: 'cron', expr: '0 9 * * *', display: job.schedule_display })
  const started = (await service.api('POST', `/api/jobs/${job.id}/run`)).body
  hasShape(started.job, jobShape)
  hasShape(started.run, runShape)
  await finished(service, started.run.id)
  const [listed] = (await service.api('GET', '/api/jobs?tag=shape')).body.jobs
  hasShape(listed, { ...jobShape, last_run_at: 'instant', last_status: 'string', latest_execution: 'object' })
  hasShape(listed.latest_execution, {
    ...{ id: 'string', status: 'string', started_at: 'instant', finished_at: 'instant', error: 'string?' },
  })
  hasShape(listed.repeat, { times: 'number?', completed: 'number' })
  const { runs } = (await service.api('GET', `/api/jobs/${job.id}/runs`)).body
  hasShape(runs[0], { ...runShape, finished_at: 'instant', duration_ms: 'number' })
})

test('each kind of schedule has the fields that clients read of it', async () => {
  const scheduleOf = async (text: string) => (await service.makeJob({ schedule: text })).schedule
  hasShape(await scheduleOf('every 30m'), {
    kind: 'string',
    every_ms: 'number',
    minutes: 'number',
    display: 'string',
  })
  hasShape(await scheduleOf('in 2h'), { kind: 'string', run_at: 'instant', display: 'string' })
  const { body } = await service.api('POST', '/api/schedules/preview', { schedule: 'every 30m', count: 2 })
  hasShape(body, { schedule: 'object', timezone: 'string', next: 'list' })
  assert.match(String(body.next[0]), instant)
})

test('a refusal has its text under `error` too', async () => {
  const { body } = await service.api('GET', '/api/jobs/ffffffffffff')
  hasShape(body, { code: 'string', detail: 'string', error: 'string', status: 'number' })
  assert.equal(body.error, body.detail)
})
