import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startReader } from '../support/browser.ts'
import { startService } from '../support/service.ts'

const now = new Date('2026-11-26T10:12:00Z')
const service = await startService({ clock: now })
const reader = await startReader(service)
after(async () => {
  await reader.close()
  await service.close()
})

test('instants stand in the time of the reader and in the zone of the job; days are those of the calendar', async () => {
  const job = await service.makeJob({ name: 'at night', schedule: '0 10 * * *', timezone: 'Asia/Tokyo' })
  const { page, context } = await reader.open(`/jobs/${job.id}`, {
    prepare: (it) => it.clock.setFixedTime(now),
  })
  const schedule = page.getByRole('region', { name: 'Schedule' })
  await schedule.getByText('02:00').first().waitFor()
  const rows = await schedule.getByRole('listitem').allTextContents()
  assert.deepEqual(rows.slice(0, 3), [
    'Fri 02:00Fri 10:00 Tokyoin 14 hr',
    // in 38 hours, and yet not tomorrow
    'Sat 02:00Sat 10:00 Tokyoin 2 days',
    'Sun 02:00Sun 10:00 Tokyoin 3 days',
  ])
  await context.close()
})

test('the reader has their own clock: twelve hours where that is the custom', async () => {
  const job = await service.makeJob({ name: 'at noon', schedule: '0 20 * * *', timezone: 'UTC' })
  const { page, context } = await reader.open(`/jobs/${job.id}`, {
    ...{ locale: 'en-US', timezone: 'America/New_York' },
    prepare: (it) => it.clock.setFixedTime(now),
  })
  const schedule = page.getByRole('region', { name: 'Schedule' })
  await schedule.getByText(/^03:00 PM$/).waitFor()
  await context.close()
})
