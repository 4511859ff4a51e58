import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Effect, judge } from '../../dev/torture/oracle.ts'
import type { LedgerEntry } from '../../src/jobs/ledger.ts'

const slot = new Date('2026-06-18T12:05:00Z')
const ran: LedgerEntry = { slot, verdict: 'ran', reason: 'succeeded', runId: 'r' }
const effect = (attempt = 1, at = slot): Effect => ({
  jobId: 'j',
  slot: at.toISOString(),
  runId: 'r',
  attempt,
  fence: attempt,
  atMs: at.getTime() + 1_500,
})

const verdictOf = (effects: Effect[], ledger: LedgerEntry[], retries = false) =>
  judge({ due: [slot], ledger, effects, retries })

test('a slot that was called once and is told as run is run, with its lateness', () => {
  const { ran: count, problems, latenessMs } = verdictOf([effect()], [ran])
  assert.deepEqual({ count, problems, latenessMs }, { count: 1, problems: [], latenessMs: [1_500] })
})

test('a slot that is told as run and was never called is missed', () => {
  assert.equal(verdictOf([], [ran]).missed, 1)
})

test('a slot without any verdict is missed and incomplete', () => {
  const { missed, incomplete } = verdictOf([], [])
  assert.deepEqual({ missed, incomplete }, { missed: 1, incomplete: 1 })
})

test('a second call of one attempt is extra, whatever the tables say', () => {
  assert.equal(verdictOf([effect(), effect()], [ran], true).extra, 1)
})

test('a second attempt is extra with retries off, and is not with retries on', () => {
  assert.equal(verdictOf([effect(1), effect(2)], [ran], false).extra, 1)
  assert.equal(verdictOf([effect(1), effect(2)], [ran], true).extra, 0)
})

test('a call of an instant that is no slot is extra', () => {
  assert.equal(verdictOf([effect(), effect(1, new Date('2026-06-18T12:06:00Z'))], [ran]).extra, 1)
})

test('a slot that is told as skipped and was called is extra', () => {
  assert.equal(verdictOf([effect()], [{ ...ran, verdict: 'skipped' }]).extra, 1)
})

test('an attempt with an older fence than the one before it is stale', () => {
  assert.equal(
    verdictOf(
      [
        { ...effect(1), fence: 7 },
        { ...effect(2), fence: 6 },
      ],
      [ran],
      true,
    ).stale,
    1,
  )
})

test('with retries off an interrupted slot may have been called or not; with retries on it must have been', () => {
  const interrupted: LedgerEntry = { ...ran, reason: 'interrupted' }
  assert.equal(verdictOf([], [interrupted], false).missed, 0)
  assert.equal(verdictOf([], [interrupted], false).interruptedBefore, 1)
  assert.equal(verdictOf([], [interrupted], true).missed, 1)
})

test('a slot with two verdicts is incomplete', () => {
  assert.equal(verdictOf([effect()], [ran, { ...ran, runId: 's' }]).incomplete, 1)
})
