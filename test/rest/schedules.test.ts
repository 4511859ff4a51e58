import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Service, startService } from '../support/service.ts'
import { codeOf } from './setup.ts'

type Slot = { slot: string; run_id: string | null }

let service: Service
before(async () => {
  service = await startService({ clock: '2026-06-18T08:00:00Z' })
})
after(() => service.close())

test('GET /api/jobs/{id}/next names the next slots and marks where the clock changes', async () => {
  const job = await service.makeJob({ schedule: '30 2 * * *', timezone: 'Europe/Berlin' })
  const query = 'count=3&from=2026-10-24T00:00:00Z'
  const { status, body } = await service.api('GET', `/api/jobs/${job.id}/next?${query}`)
  assert.equal(status, 200)
  assert.deepEqual(body, {
    job_id: job.id,
    timezone: 'Europe/Berlin',
    next: ['2026-10-24T00:30:00.000Z', '2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z'],
    upcoming: [
      { at: '2026-10-24T00:30:00.000Z', local: '2026-10-24T02:30:00+02:00' },
      { at: '2026-10-25T00:30:00.000Z', local: '2026-10-25T02:30:00+02:00' },
      {
        at: '2026-10-26T01:30:00.000Z',
        local: '2026-10-26T02:30:00+01:00',
        offset_change: { at: '2026-10-25T01:00:00.000Z', from: '+02:00', to: '+01:00' },
      },
    ],
  })
})

test('GET /api/jobs/{id}/next counts from now, and names no more slots than the job has left', async () => {
  const job = await service.makeJob({ repeat: 2 })
  const { body } = await service.api('GET', `/api/jobs/${job.id}/next`)
  assert.deepEqual(body.next, ['2026-06-18T09:00:00.000Z', '2026-06-19T09:00:00.000Z'])
})

test('GET /api/jobs/{id}/arm tells the wanted and the armed wake-up, and what the timer service said', async () => {
  const job = await service.makeJob()
  const { status, body } = await service.api('GET', `/api/jobs/${job.id}/arm`)
  assert.equal(status, 200)
  const [held] = service.nas.armed().filter(({ job_id }) => job_id === job.id)
  assert.deepEqual(
    [body.job_id, body.armed, body.wake_at, body.armed_at, body.schedule_id, body.drift_ms, body.owed_since],
    [job.id, true, '2026-06-18T09:00:00.000Z', '2026-06-18T09:00:00.000Z', held?.schedule_id, 0, null],
  )
  const { took_ms, ...provision } = body.last_provision
  assert.ok(took_ms >= 0)
  assert.deepEqual(provision, {
    asked_at: '2026-06-18T08:00:00.000Z',
    fire_at: '2026-06-18T09:00:00.000Z',
    outcome: 'armed',
    schedule_id: held?.schedule_id,
    error: null,
  })
})

test('GET /api/jobs/{id}/slots gives every slot that has come its verdict', async (t) => {
  const job = await service.makeJob({ schedule: '0 * * * *' })
  t.after(() => service.setClock('2026-06-18T08:00:00Z'))
  service.setClock('2026-06-18T09:00:00Z')
  const fired = await service.fire({ job_id: job.id, fire_at: '2026-06-18T09:00:00Z' })
  assert.equal(fired.status, 202)
  service.setClock('2026-06-18T10:00:00Z')
  const { status, body } = await service.api('GET', `/api/jobs/${job.id}/slots`)
  assert.equal(status, 200)
  assert.deepEqual(
    (body.slots as Slot[]).map(({ slot, run_id }) => [slot, run_id]),
    [
      ['2026-06-18T09:00:00.000Z', fired.body.run_id],
      ['2026-06-18T10:00:00.000Z', null],
    ],
  )
  for (const entry of body.slots)
    assert.deepEqual(Object.keys(entry), ['slot', 'verdict', 'reason', 'run_id'])
  const span = 'from=2026-06-18T09:30:00%2B00:00&to=2026-06-18T13:00:00%2B02:00'
  const within = await service.api('GET', `/api/jobs/${job.id}/slots?${span}`)
  assert.deepEqual(
    (within.body.slots as Slot[]).map(({ slot }) => slot),
    ['2026-06-18T10:00:00.000Z'],
  )
})

test('next, arm and slots of a job that is not there are answered 404', async () => {
  for (const what of ['next', 'arm', 'slots'])
    assert.equal(codeOf(await service.api('GET', `/api/jobs/ffffffffffff/${what}`)), '404 JOB_NOT_FOUND')
})

test('an instant in a query may have its + unescaped; one without an offset is refused', async () => {
  const job = await service.makeJob()
  const next = (from: string) => service.api('GET', `/api/jobs/${job.id}/next?count=1&from=${from}`)
  assert.deepEqual((await next('2026-07-01T00:00:00+00:00')).body.next, ['2026-07-01T09:00:00.000Z'])
  assert.equal(codeOf(await next('2026-07-01T00:00:00')), '400 FIELD_INVALID')
})

test('POST /api/schedules/preview reads and explains a schedule and saves nothing', async () => {
  const wish = {
    schedule: 'every weekday at 9am',
    timezone: 'Europe/Berlin',
    count: 2,
    from: '2026-06-19T12:00:00Z',
  }
  const { status, body } = await service.api('POST', '/api/schedules/preview', wish)
  assert.equal(status, 200)
  const { upcoming, description, ...rest } = body
  assert.deepEqual(rest, {
    schedule: { kind: 'cron', expr: '0 9 * * 1-5', display: 'every weekday at 9am' },
    timezone: 'Europe/Berlin',
    next: ['2026-06-22T07:00:00.000Z', '2026-06-23T07:00:00.000Z'],
  })
  assert.equal(upcoming.length, 2)
  assert.match(description, /Monday to Friday/)
})

test('POST /api/schedules/preview shows a one-shot and an interval', async () => {
  const preview = async (schedule: string) =>
    (await service.api('POST', '/api/schedules/preview', { schedule, from: '2026-06-19T12:00:00Z' })).body
  const once = await preview('in 90s')
  assert.deepEqual([once.schedule.kind, once.next], ['once', ['2026-06-19T12:01:30.000Z']])
  assert.equal(once.schedule.run_at, '2026-06-19T12:01:30.000Z')
  const every = await preview('90m')
  assert.deepEqual([every.schedule.every_ms, every.schedule.minutes, every.timezone], [5_400_000, 90, 'UTC'])
  assert.ok(
    !('minutes' in (await preview('90s')).schedule),
    'a period that is no whole minutes has every_ms only',
  )
})

test('POST /api/schedules/preview of what cannot be read is answered 400', async () => {
  const preview = async (body: object) => codeOf(await service.api('POST', '/api/schedules/preview', body))
  assert.equal(await preview({ schedule: 'soon' }), '400 SCHEDULE_INVALID')
  assert.equal(await preview({ schedule: '0 0 30 2 *' }), '400 SCHEDULE_INVALID')
  assert.equal(await preview({ schedule: '1h', timezone: 'Nowhere' }), '400 TIMEZONE_UNKNOWN')
  assert.equal(await preview({ schedule: '1h', count: 0 }), '400 FIELD_INVALID')
})

const newYorkAt4 = 'CRON_TZ=America/New_York 0 4 * * *'

test('a zone within the schedule is that of the job, unless another one is named beside it', async () => {
  const preview = (body: object) => service.api('POST', '/api/schedules/preview', body)
  const { body } = await preview({ schedule: newYorkAt4, count: 1 })
  assert.deepEqual(
    [body.timezone, body.schedule.expr, body.next],
    ['America/New_York', '0 4 * * *', ['2026-06-19T08:00:00.000Z']],
  )
  const two = await preview({ schedule: 'TZ=Europe/London 30 7 * * *', timezone: 'Asia/Tokyo' })
  assert.equal(codeOf(two), '400 SCHEDULE_INVALID')
  assert.match(two.body.detail, /Europe\/London.*Asia\/Tokyo/)
  const job = await service.makeJob({ schedule: newYorkAt4 })
  assert.deepEqual(
    [job.timezone, job.schedule.expr, job.schedule_display],
    ['America/New_York', '0 4 * * *', '0 4 * * *'],
  )
})

test('a change may name the zone within the schedule, but not another than the job has', async () => {
  const change = (id: string, body: object) => service.api('PATCH', `/api/jobs/${id}`, body)
  const usual = await service.makeJob({ schedule: '0 4 * * *' })
  const moved = await change(usual.id, { schedule: newYorkAt4 })
  assert.deepEqual(
    [moved.status, moved.body.job.timezone, moved.body.job.next_run_at],
    [200, 'America/New_York', '2026-06-19T08:00:00.000Z'],
  )
  const again = await change(usual.id, { schedule: 'TZ=Europe/London 30 7 * * *' })
  assert.equal(codeOf(again), '400 SCHEDULE_INVALID')
  assert.match(again.body.detail, /Europe\/London.*America\/New_York/)
  const both = await change(usual.id, { schedule: 'TZ=Europe/London 30 7 * * *', timezone: 'Europe/London' })
  assert.deepEqual([both.status, both.body.job.timezone], [200, 'Europe/London'])
  const back = await change(usual.id, { timezone: null })
  assert.deepEqual([back.body.job.timezone, back.body.job.schedule.expr], ['UTC', '30 7 * * *'])
})

test('the preview says how day and weekday combine', async () => {
  const preview = async (schedule: string) => {
    const wish = { schedule, from: '2026-01-01T00:00:00Z', count: 4 }
    return (await service.api('POST', '/api/schedules/preview', wish)).body
  }
  const both = await preview('0 9 */1 * 1-5')
  assert.deepEqual(
    (both.next as string[]).map((at) => at.slice(5, 10)),
    ['01-01', '01-02', '01-05', '01-06'],
  )
  assert.match(both.description, /both have to match/)
  assert.match((await preview('0 9 13 * 5')).description, /either is enough/)
})
