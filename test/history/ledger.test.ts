import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createLedger } from '../../src/jobs/ledger.ts'
import { policyFrom } from '../../src/decisions/index.ts'
import { removeRuns } from '../../db/history-prune.ts'
import { type Service, startService } from '../support/service.ts'
import { openHistory, type OpenedHistory } from './setup.ts'

let opened: OpenedHistory
before(async () => {
  opened = await openHistory()
})
after(() => opened.close())

const at = (text: string) => new Date(`2026-06-${text}:00Z`)
const none = { ran: 0, skipped: 0, missed: 0, cancelled: 0, superseded: 0 }

test('days of which runs are gone have their sums, and what is left of them single slots', async () => {
  const job = await opened.makeJob()
  const slots: [string, string][] = [
    ['15T08:00', 'succeeded'],
    ['15T09:00', 'skipped'],
    ['16T08:00', 'failed'],
    ['16T09:00', 'cancelled'],
    ['17T08:00', 'succeeded'],
  ]
  for (const [slot, state] of slots)
    await opened.makeRun(job, {
      slot: at(slot),
      state,
      msAgo: at('18T12:00').getTime() - at(slot).getTime() - 1_000,
    })
  await opened.sql`
    insert into folded_slots (job_id, first_slot, last_slot, count, verdict, reason, rule, recorded_at)
    values (${job}, ${at('16T09:00')}, ${at('16T09:00')}, 1, 'missed', 'late',
      ${opened.sql.json({ schedule: { kind: 'cron', text: '', display: '', expr: '0 9 * * *' }, timezone: 'UTC', anchor: at('01T00:00') })},
      ${at('17T00:00')})`
  const read = async (from: string, to: string) => {
    const page = await createLedger(opened)(job, { from: at(from), to: at(to), limit: 100 })
    return {
      slots: page.items.map(({ slot, verdict }) => `${slot.toISOString().slice(8, 16)} ${verdict}`),
      days: page.days.map(({ day, verdicts }) => [day.toISOString().slice(8, 10), verdicts]),
    }
  }
  await opened.fold()
  const single = (await read('15T00:00', '18T12:00')).slots
  assert.equal(single.length, 6)
  assert.deepEqual((await read('15T00:00', '18T12:00')).days, [])

  const kept = { ...policyFrom({}).retention, historyRuns: 2 }
  await opened.db.transaction((tx) => removeRuns(tx, { jobId: job, kept, now: at('18T12:00') }))
  const day15 = ['15', { ...none, ran: 1, skipped: 1 }]
  const day16 = ['16', { ...none, ran: 1, cancelled: 1, missed: 1 }]
  assert.deepEqual(await read('15T00:00', '18T12:00'), {
    slots: ['16T09:00 cancelled', '16T09:00 missed', '17T08:00 ran'],
    days: [day15, day16],
  })
  assert.deepEqual((await read('16T00:00', '18T12:00')).days, [day16])
  assert.deepEqual((await read('15T00:00', '16T00:00')).days, [day15])
  assert.deepEqual((await read('17T00:00', '18T12:00')).days, [])
})

test('the route shows these days', async (t) => {
  const service: Service = await startService({ clock: '2026-06-18T12:00:00Z' })
  t.after(() => service.close())
  const job = await service.makeJob()
  const { sql } = service.database
  await sql`insert into job_days (job_id, day, slots_ran, slots_missed) values (${job.id}, '2026-06-17', 3, 1)`
  await sql`insert into job_history (job_id, kept, next_at, gone_to) values (${job.id}, 0, now(), '2026-06-17T08:00Z')`
  const { body } = await service.api('GET', `/api/jobs/${job.id}/slots?from=2026-06-16T00:00:00Z`)
  assert.deepEqual(body.days, [{ day: '2026-06-17', ...none, ran: 3, missed: 1 }])
})
