import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { isUsualEnd, moveEnds } from '../../db/ends.ts'
import { movePlain } from '../../db/hot.ts'
import type { Move } from '../../db/move.ts'
import { type Outcome, settle, viewAfter } from '../../src/decisions/index.ts'
import { armLeaseMs, at, claim, decide, lookAt, type Opened, openStore, owner, writing } from './setup.ts'

// The usual end of a run has a statement of its own, which writes less. What stands in the tables then has to be the same.

let opened: Opened
before(async () => {
  opened = await openStore()
})
after(() => opened.close())

const now = at('09:00:30')
const armLease = { holder: 'an order/1', heirOf: 'an order/', ms: armLeaseMs }

type Wish = {
  outcome: Outcome
  policy?: Record<string, unknown>
  schedule?: string
  change?: Partial<Move['writing']>
}

/** The end of a run that was claimed at nine, as it is to be written. */
async function endOf({ outcome, policy = {}, schedule = '0 * * * *', change = {} }: Wish): Promise<Move> {
  opened.setTime('08:30:00')
  const jobId = await opened.job({ policy, schedule })
  opened.setTime('09:00:00')
  const { look, decision, written, run } = await claim(opened.store, jobId, { begins: true })
  const view = { ...viewAfter(look.view, decision, { ...written, owner }), now }
  const done = settle(view, { runId: run.id, fence: run.fence, outcome })
  assert.ok(done)
  const text = new TextEncoder().encode('what it said')
  const attemptLog = 'attemptLog' in change ? { runId: run.id, attempt: 1, text } : null
  return { view, decision: done, writing: { ...writing, ...change, attemptLog } }
}

/** A claim, which is no end: what shares its statement is written in full. */
async function anotherMove(): Promise<Move> {
  opened.setTime('08:30:00')
  const jobId = await opened.job()
  opened.setTime('09:00:00')
  const look = await lookAt(opened.store, jobId)
  return { view: look.view, decision: decide(look), writing }
}

async function rowsOf({ view: { job } }: Move) {
  const { sql } = opened
  const [runtime] =
    await sql`select to_jsonb(r) - 'job_id' as row from job_runtime r where job_id = ${job.id}`
  const [run] = await sql`
    select to_jsonb(r) - '{id,seq,job_id}'::text[] as row from runs r where job_id = ${job.id}`
  const logs = await sql`
    select attempt, convert_from(head, 'utf8') as head, total, created_at from attempt_logs where job_id = ${job.id}`
  return { runtime: runtime?.['row'], run: run?.['row'], logs: [...logs] }
}

const error = { code: 'HTTP_500', message: `it's "odd" \\ {}` }
const usual: [string, Wish][] = [
  ['a success', { outcome: { state: 'succeeded' } }],
  [
    'a success with an output and its usage',
    {
      outcome: { state: 'succeeded', usage: { tokens_in: 3 } },
      change: { output: `a 'quote', a \\ and $1` },
    },
  ],
  ['nothing to do', { outcome: { state: 'succeeded', skippedReason: 'NOTHING_NEW' } }],
  ['a failure', { outcome: { state: 'failed', error } }],
  ['a failure with a log', { outcome: { state: 'failed', error }, change: { attemptLog: null } }],
  [
    'a time-out of the last attempt',
    {
      outcome: { state: 'timed_out', error },
      policy: { retry: { attempts: 1 } },
    },
  ],
  ['an end that takes the arm lease', { outcome: { state: 'succeeded' }, change: { armLease } }],
  ['an end that leaves the wake time', { outcome: { state: 'succeeded' }, schedule: '* * * * *' }],
]

for (const [name, wish] of usual) {
  test(`${name} is written by the statement of usual ends as by the one for every decision`, async () => {
    const { sql } = opened
    const [full, one, first, second] = await Promise.all([endOf(wish), endOf(wish), endOf(wish), endOf(wish)])
    assert.deepEqual([full, one, first, second].map(isUsualEnd), [true, true, true, true])
    const written = [
      (await movePlain(sql, [full, await anotherMove()], now)).get(full.view.job.id),
      ...(await movePlain(sql, [one], now)).values(),
      ...(await moveEnds(sql, [second, first], now)).values(),
    ]
    const expected = await rowsOf(full)
    assert.equal(expected.run['finished_at'] !== null, true)
    for (const move of [one, first, second]) assert.deepEqual(await rowsOf(move), expected)
    const told = written.map(
      (each) => each && { ...each, order: each.order && { ...each.order, jobId: null } },
    )
    assert.equal(told.length, 4)
    for (const each of told) assert.deepEqual(each, told[0])
  })
}

test('whatever changes more of the job or the run than a usual end does is written in full', async () => {
  const unusual: Wish[] = [
    { outcome: { state: 'failed', error }, policy: { retry: { attempts: 3 } } },
    { outcome: { state: 'failed', error }, policy: { pauseAfter: 1 } },
    { outcome: { state: 'waiting', waitMs: 60_000 } },
    { outcome: { state: 'succeeded' }, change: { armSpent: true } },
  ]
  for (const wish of unusual) assert.equal(isUsualEnd(await endOf(wish)), false, JSON.stringify(wish))
  assert.equal(isUsualEnd(await anotherMove()), false)
  const whole = await endOf({ outcome: { state: 'succeeded' } })
  const { runtime } = whole.decision
  const nextSlot = at('11:00:00')
  assert.equal(
    isUsualEnd({ ...whole, decision: { ...whole.decision, runtime: { ...runtime, nextSlot } } }),
    false,
  )
})

test('of usual ends that are written together, one whose job has changed is left alone, and so is a stale fence', async () => {
  const { sql } = opened
  const [changed, stale, good] = await Promise.all(
    [1, 2, 3].map(() => endOf({ outcome: { state: 'succeeded' } })),
  )
  assert.ok(changed && stale && good)
  await sql`update job_runtime set rev = rev + 1 where job_id = ${changed.view.job.id}`
  await sql`update runs set fence = fence + 1 where job_id = ${stale.view.job.id}`
  const written = await moveEnds(sql, [changed, stale, good], now)
  assert.equal(written.has(changed.view.job.id), false)
  const ended = await Promise.all(
    [changed, stale, good].map(async (move) => (await rowsOf(move)).run['finished_at'] !== null),
  )
  assert.deepEqual(ended, [false, false, true])
})
