import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { pause } from '../../src/decisions/index.ts'
import { createLedger } from '../../src/jobs/ledger.ts'
import { at, claim, lookAt, type Opened, openStore, writing } from './setup.ts'

let opened: Opened
before(async () => {
  opened = await openStore()
})
after(() => opened.close())

/** `09:00 missed`: one line per slot. */
async function ledger(jobId: string, from = '00:00:00', to = '23:59:59') {
  const { items } = await createLedger(opened)(jobId, { from: at(from), to: at(to), limit: 1000 })
  return items.map(({ slot, verdict }) => `${slot.toISOString().slice(11, 16)} ${verdict}`)
}

async function freshJob(wish = {}) {
  opened.setTime('08:30:00')
  return opened.job(wish)
}

test('every slot up to now has one verdict: missed ones from their fold, one that runs, those that are due', async () => {
  const jobId = await freshJob()
  opened.setTime('11:10:00')
  await claim(opened.store, jobId)
  opened.setTime('13:00:00')
  assert.deepEqual(await ledger(jobId), [
    '09:00 missed',
    '10:00 missed',
    '11:00 running',
    '12:00 due',
    '13:00 due',
  ])
})

test('a span begins with its first instant and ends before its last', async () => {
  const jobId = await freshJob()
  opened.setTime('12:10:00')
  await claim(opened.store, jobId)
  assert.deepEqual(await ledger(jobId, '10:00:00', '12:00:00'), ['10:00 missed', '11:00 missed'])
})

test('the slots that pass while a job is paused are skipped, also before the pause has ended', async () => {
  const jobId = await freshJob()
  const { view } = await lookAt(opened.store, jobId)
  const paused = pause(view, { reason: null, until: null })
  assert.ok(paused && (await opened.store.transition(view, paused, writing)))
  opened.setTime('10:30:00')
  assert.deepEqual(await ledger(jobId), ['09:00 skipped', '10:00 skipped'])
})

test('no slot is due after the end that the job has', async () => {
  const jobId = await freshJob({ policy: { endsAt: at('10:00:00') } })
  opened.setTime('12:30:00')
  assert.deepEqual(await ledger(jobId), ['09:00 due', '10:00 due'])
})

test('a slot that was taken early is not told before its instant', async () => {
  const jobId = await freshJob()
  opened.setTime('08:59:30')
  await claim(opened.store, jobId)
  assert.deepEqual(await ledger(jobId), [])
  opened.setTime('09:00:00')
  assert.deepEqual(await ledger(jobId), ['09:00 running'])
})
