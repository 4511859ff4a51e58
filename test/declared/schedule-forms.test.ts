import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { daysOf } from '../../src/schedule/calendar-file.ts'
import { AppError } from '../../src/ground/errors.ts'
import { type Service, startService } from '../support/service.ts'

let service: Service
before(async () => {
  service = await startService()
})
after(() => service.close())

const event = (...lines: string[]) => ['BEGIN:VEVENT', 'UID:1', ...lines, 'END:VEVENT']
const calendar = (...events: string[][]) =>
  ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//test//', ...events.flat(), 'END:VCALENDAR'].join('\r\n')

const holidays = calendar(
  event('SUMMARY:closed', 'DTSTART;VALUE=DATE:20301224', 'DTEND;VALUE=DATE:20301227'),
  event('SUMMARY:New Year', 'DTSTART;VALUE=DATE:20200101', 'RRULE:FREQ=YEARLY'),
)
const parts = {
  rules: ['every day at 9am', '30 17 * * 1-5'],
  except: ['sundays'],
  except_calendar: holidays,
  from: '2030-12-20',
  until: '2031-01-31',
  skipped: 'skip',
  repeated: 'both',
  timezone: 'Europe/Paris',
}
const text =
  'every day at 9am; 30 17 * * 1-5; except sundays; except 2030-12-24..2030-12-26; except 1 january; from 2030-12-20; until 2031-01-31; skipped: skip; repeated: both'

test('a list and the parts by name are the one text, and name the instants of it', async () => {
  const preview = (schedule: unknown, more = {}) =>
    service.api('POST', '/api/schedules/preview', { schedule, count: 20, ...more })
  const ofParts = await preview(parts)
  const ofText = await preview(`CRON_TZ=Europe/Paris ${text}`)
  assert.equal(ofParts.status, 200, JSON.stringify(ofParts.body))
  assert.deepEqual(ofParts.body, ofText.body)
  const { upcoming } = ofParts.body as { upcoming: { local: string }[] }
  const days = upcoming.map(({ local }) => local.slice(0, 10))
  assert.ok(days.includes('2030-12-23') && days.includes('2030-12-27') && days.includes('2030-12-31'))
  for (const left of ['2030-12-22', '2030-12-24', '2030-12-26', '2031-01-01']) assert.ok(!days.includes(left))
  const list = ['0 9 * * *', '30 17 * * *']
  assert.deepEqual((await preview(list)).body, (await preview(list.join('; '))).body)
})

test('jobs take every form at each entrance, and show the text', async () => {
  const action = { type: 'http', url: service.target.url }
  const { status, body } = await service.api('POST', '/api/jobs', { name: 'forms', schedule: parts, action })
  assert.equal(status, 201, JSON.stringify(body))
  assert.deepEqual([body.job.schedule_display, body.job.timezone], [text, 'Europe/Paris'])
  const changed = await service.api('PATCH', `/api/jobs/${body.job.id}`, {
    schedule: ['0 9 * * *', '30 17 * * *'],
  })
  assert.equal(changed.body.job.schedule_display, '0 9 * * *; 30 17 * * *')
  const byKey = { name: 'forms', schedule: { rules: 'every weekday at 9am', except: '2030-12-24' }, action }
  assert.equal((await service.api('PUT', '/api/jobs/by-key/forms', byKey)).status, 201)
  const file = { jobs: { forms: { ...byKey, schedule: 'every weekday at 9am; except 2030-12-24' } } }
  const plan = await service.api('POST', '/api/plan', file)
  assert.equal(plan.body.kept, 1, JSON.stringify(plan.body))
})

test('what is wrong in a form is named', async () => {
  const refusal = async (schedule: unknown) => {
    const { status, body } = await service.api('POST', '/api/schedules/preview', { schedule })
    assert.equal(status, 400, JSON.stringify(body))
    return `${body.code} ${body.detail} ${JSON.stringify(body.errors ?? '')}`
  }
  assert.match(await refusal([]), /FIELD_INVALID.*schedule/)
  assert.match(await refusal({ every: 'day' }), /FIELD_INVALID.*schedule/)
  assert.match(await refusal({ rules: 'every dya at 9am' }), /dya.*every day at 9am/)
  assert.match(await refusal({ rules: ['every 30m', '0 9 * * *'] }), /every 30m.*several rules/)
  assert.match(await refusal({ rules: '0 9 * * *', except_calendar: 'hello' }), /FIELD_INVALID.*iCalendar/)
  const timed = calendar(event('SUMMARY:lunch', 'DTSTART:20301224T120000Z'))
  assert.match(await refusal({ rules: '0 9 * * *', except_calendar: timed }), /lunch.*time of day/)
})

test('events that repeat are written out for five years, the same text all year, without years that have passed', () => {
  const now = new Date('2030-06-01T00:00:00Z')
  const thanksgiving = event('DTSTART;VALUE=DATE:20201126', 'RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH')
  const days = ['2030-11-28,2031-11-27,2032-11-25,2033-11-24,2034-11-23,2035-11-22']
  for (const at of [now, new Date('2030-01-01T00:00:00Z'), new Date('2030-12-31T23:59:59Z')])
    assert.deepEqual(daysOf(calendar(thanksgiving), at), days)
  const past = event('DTSTART;VALUE=DATE:20291230', 'DTEND;VALUE=DATE:20300101')
  const off = event('DTSTART;VALUE=DATE:20310101', 'STATUS:CANCELLED')
  const weekly = event(
    'DTSTART;VALUE=DATE:20300701',
    'RRULE:FREQ=WEEKLY;COUNT=3',
    'EXDATE;VALUE=DATE:20300708',
  )
  assert.deepEqual(daysOf(calendar(past, off, weekly), now), ['2030-07-01,2030-07-15'])
  const endless = event('DTSTART;VALUE=DATE:20300101', 'RRULE:FREQ=DAILY')
  assert.throws(() => daysOf(calendar(endless), now), AppError)
})
