import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { settle, viewAfter } from '../../src/decisions/index.ts'
import { decide, lookAt, type Opened, openStore, owner, writing } from './setup.ts'

// What comes together goes in shared statements: each job in them as if it were alone.

let opened: Opened
before(async () => {
  opened = await openStore()
})
after(() => opened.close())

async function jobs(count: number): Promise<string[]> {
  opened.setTime('08:30:00')
  const ids = await Promise.all(Array.from({ length: count }, () => opened.job()))
  opened.setTime('09:00:00')
  return ids
}

test('forty jobs that are looked at, claimed and settled together each get their own look, run and end', async () => {
  const { store, sql } = opened
  const ids = await jobs(40)
  const looks = await Promise.all(ids.map((id) => lookAt(store, id)))
  assert.deepEqual(
    looks.map(({ authored }) => authored.id),
    ids,
  )
  const decisions = looks.map((look) => decide(look))
  const claimed = await Promise.all(
    looks.map(({ view }, n) => store.transition(view, decisions[n] as (typeof decisions)[0], writing)),
  )
  for (const [n, written] of claimed.entries())
    assert.deepEqual([...(written?.inserted ?? [])], [decisions[n]?.starts[0]?.id], `job ${n}`)
  const settled = await Promise.all(
    looks.map(async ({ view }, n) => {
      const [decision, written] = [decisions[n], claimed[n]]
      assert.ok(decision && written)
      const now = viewAfter(view, decision, { ...written, owner })
      const [run] = now.live
      assert.ok(run)
      const done = settle(now, { runId: run.id, fence: run.fence, outcome: { state: 'succeeded' } })
      assert.ok(done)
      const text = Buffer.from(`the log of ${view.job.id}`)
      const attemptLog = n % 2 === 0 ? { runId: run.id, attempt: 1, text } : null
      if (n === 2) await sayEarlier(view.job.id, run.id)
      return store.transition(now, done, { ...writing, output: `the output of ${view.job.id}`, attemptLog })
    }),
  )
  assert.equal(settled.filter(Boolean).length, 40)
  const rows = await sql`select job_id, state, output, fence from runs where job_id in ${sql(ids)}`
  assert.equal(rows.length, 40)
  for (const { job_id: jobId, state, output, fence } of rows)
    assert.deepEqual([state, output, Number(fence)], ['succeeded', `the output of ${jobId}`, 1])
  const logs = await sql`
    select job_id, attempt, convert_from(head || tail, 'utf8') as text, total::int from attempt_logs where job_id in ${sql(ids)}`
  const byJob = new Map(logs.map(({ job_id: jobId, ...log }) => [jobId, log]))
  for (const [n, id] of ids.entries()) {
    const text = `the log of ${id}`
    assert.deepEqual(byJob.get(id), n % 2 === 0 ? { attempt: 1, text, total: text.length } : undefined)
  }
})

/** A part of the log was stored already. */
async function sayEarlier(jobId: string, runId: string) {
  await opened.sql`
    insert into attempt_logs (run_id, attempt, job_id, head, tail, total) values (${runId}, 1, ${jobId}, 'the', 'log', 9)`
}

test('of jobs that are moved together, the one that has changed since its look is left alone, and only it', async () => {
  const { store, sql } = opened
  const ids = await jobs(12)
  const looks = await Promise.all(ids.map((id) => lookAt(store, id)))
  await sql`update job_runtime set rev = rev + 1 where job_id = ${ids[7] ?? ''}`
  const written = await Promise.all(looks.map((look) => store.transition(look.view, decide(look), writing)))
  assert.deepEqual(
    written.map((one) => one !== null),
    ids.map((_, n) => n !== 7),
  )
})

test('a decision that the schema refuses fails alone, whoever shares its statement', async () => {
  const { store, sql } = opened
  const ids = await jobs(12)
  const looks = await Promise.all(ids.map((id) => lookAt(store, id)))
  const results = await Promise.allSettled(
    looks.map((look, n) => {
      const decision = decide(look)
      const { runtime } = decision
      const broken = { ...decision, runtime: { ...runtime, nextSlot: runtime.lastSlot } }
      return store.transition(look.view, n === 5 ? broken : decision, writing)
    }),
  )
  assert.deepEqual(
    results.map(({ status }) => status),
    ids.map((_, n) => (n === 5 ? 'rejected' : 'fulfilled')),
  )
  const [row] = await sql`select count(*)::int as runs from runs where job_id in ${sql(ids)}`
  assert.equal(row?.['runs'], 11)
})
