import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Service, startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { loadHistory } from '../../db/index.ts'
import { policyFrom } from '../../src/decisions/index.ts'

let service: Service
let clock = new Date('2026-06-18T08:00:00Z')
before(async () => {
  service = await startService({ clock })
})
after(() => service.close())

const steps = () =>
  loadHistory({
    database: service.database.db,
    clock: () => clock,
    keptOf: (policy) => policyFrom(policy).retention,
    lives: { auditDays: 1, historyDays: 1, idempotencyDays: 1 },
  })

function setClock(to: string) {
  clock = new Date(to)
  service.setClock(clock)
}

const statusOf = async (method: string, path: string) => (await service.api(method, path)).status

test('a deleted job with many runs is gone at once for every route, and its rows go later in steps', async () => {
  const { sql } = service.database
  const [job, other] = [await service.makeJob({ tags: ['a'] }), await service.makeJob()]
  const { run } = (await service.api('POST', `/api/jobs/${job.id}/run`)).body
  await until('the run has ended', async () => {
    return (await service.api('GET', `/api/runs/${run.id}`)).body.run.finished_at
  })
  await service.api('POST', `/api/jobs/${other.id}/run`)
  await sql`
    insert into runs (id, seq, job_id, slot, trigger, state, fence, attempt, claimed_at, started_at, finished_at)
    select gen_random_uuid(), extract(epoch from at) * 1000000, ${job.id}, at, 'fire', 'failed', 1, 1, at, at, at
    from generate_series(1, 1200) n, lateral (select ${clock}::timestamptz - n * interval '1 minute' as at) t`
  await sql`
    insert into folded_slots (job_id, first_slot, last_slot, count, verdict, reason, rule, recorded_at)
    values (${job.id}, ${clock}, ${clock}, 1, 'missed', 'late', '{}', ${clock})`
  await sql`
    insert into runs (id, job_id, trigger, state, fence, attempt, owner, lease_until)
    values ('00000000-0000-4000-8000-000000000001', ${job.id}, 'manual', 'running', 1, 1, 'us', ${clock})`
  await sql`
    insert into deliveries (id, run_id, job_id, target, event, state, due_at)
    values ('00000000-0000-4000-8000-000000000002', ${run.id}, ${job.id}, '{}', 'failure', 'pending', ${clock})`
  const ended = (await service.api('GET', '/api/status')).body.runs

  assert.equal(await statusOf('DELETE', `/api/jobs/${job.id}`), 200)
  for (const path of [
    `/api/jobs/${job.id}`,
    `/api/jobs/${job.id}/runs`,
    `/api/jobs/${job.id}/slots`,
    `/api/runs/${run.id}`,
    `/api/runs/${run.id}/logs`,
    `/api/runs/${run.id}/deliveries`,
  ])
    assert.equal(await statusOf('GET', path), 404, path)
  assert.equal(await statusOf('POST', `/api/runs/${run.id}/cancel`), 404)
  const { runs } = (await service.api('GET', '/api/runs?limit=1000')).body as { runs: { job_id: string }[] }
  assert.deepEqual([...new Set(runs.map((one) => one.job_id))], [other.id])
  assert.deepEqual((await service.api('GET', `/api/runs?job=${job.id}`)).body.runs, [])
  assert.deepEqual((await service.api('GET', '/api/deliveries')).body.deliveries, [])
  const fired = await service.fire({ job_id: job.id, fire_at: clock.toISOString() })
  assert.deepEqual([fired.status, fired.body.status], [200, 'gone'])
  const left = async () =>
    (await sql<{ n: number }[]>`select count(*)::int as n from runs where job_id = ${job.id}`)[0]?.n
  assert.equal(await left(), 1_202)

  // the live run was cancelled, and counts from then on
  const now = (await service.api('GET', '/api/status')).body.runs
  assert.deepEqual([now.cancelled, now.running], [ended.cancelled + 1, 0])

  const history = await steps()
  assert.equal(await history.purge(), false)
  setClock('2026-06-18T08:02:00Z')
  while (await history.fold());
  let took = 0
  while (await history.purge()) took += 1
  assert.ok(took >= 4, `in ${took} steps`)
  assert.equal(await left(), 0)
  const [rest] = await sql`
    select (select count(*)::int from folded_slots where job_id = ${job.id}) as slots,
      (select count(*)::int from job_days where job_id = ${job.id}) as days,
      (select count(*)::int from job_history where job_id = ${job.id}) as history,
      (select count(*)::int from arms where job_id = ${job.id}) as arms,
      (select purged_at is not null from orphans where job_id = ${job.id}) as purged`
  assert.deepEqual({ ...rest }, { slots: 0, days: 0, history: 0, arms: 0, purged: true })
  assert.deepEqual((await service.api('GET', '/api/status')).body.runs, now)
})

test('a late fire for a slot whose run is gone does not run it again', async () => {
  const { sql } = service.database
  setClock('2026-06-19T08:59:00Z')
  const job = await service.makeJob({ retention: { runs: 1, days: 1, history_runs: 1, history_days: 1 } })
  const hits = () =>
    service.target.calls.filter(({ headers }) => headers['idempotency-key']?.startsWith(job.id)).length
  const fireAt = async (slot: string) => {
    setClock(slot)
    const answer = await service.fire({ job_id: job.id, fire_at: slot })
    await until('no run is live', async () => {
      const [row] =
        await sql`select count(*)::int as n from runs where job_id = ${job.id} and finished_at is null`
      return row?.['n'] === 0
    })
    return answer
  }
  for (const slot of ['2026-06-19T09:00:00Z', '2026-06-20T09:00:00Z', '2026-06-21T09:00:00Z'])
    await fireAt(slot)
  assert.equal(hits(), 3)
  setClock('2026-06-21T09:02:00Z')
  const history = await steps()
  while (await history.fold());
  await sql`update job_history set next_at = ${clock}`
  while (await history.prune());
  const slots = async () =>
    (await sql<{ slot: Date }[]>`select slot from runs where job_id = ${job.id}`).map(({ slot }) =>
      slot.toISOString(),
    )
  assert.deepEqual(await slots(), ['2026-06-21T09:00:00.000Z'])
  for (const fire_at of ['2026-06-19T09:00:00Z', '2026-06-20T09:00:00Z'])
    assert.equal((await service.fire({ job_id: job.id, fire_at })).status, 200)
  assert.deepEqual(await slots(), ['2026-06-21T09:00:00.000Z'])
  assert.equal(hits(), 3)
})

test('what is past its life goes from the tables of the service, and what is not stays', async () => {
  const { sql } = service.database
  setClock('2026-06-25T00:00:00Z')
  await sql`truncate audit, folded_slots, job_days, idempotency_keys, orphans`
  await sql`update history set slots_to = 0`
  const job = await service.makeJob()
  const [old, young] = ['2026-06-23T23:59:59Z', '2026-06-24T00:00:01Z']
  await sql`truncate audit`
  for (const at of [old, young]) {
    await sql`insert into audit (at, actor, action) values (${at}, 'a', 'b')`
    await sql`
      insert into folded_slots (job_id, first_slot, last_slot, count, verdict, reason, rule, recorded_at)
      values (${job.id}, ${at}, ${at}, 1, 'missed', 'late', '{}', ${at})`
    await sql`insert into idempotency_keys (key, body_hash, job_id, created_at) values (${at}, 'h', ${job.id}, ${at})`
  }
  for (const [id, deleted, cancelled] of [
    ['00000000000a', '2026-05-25T00:00:00Z', true],
    ['00000000000b', '2026-05-25T00:00:00Z', false],
    ['00000000000c', '2026-06-20T00:00:00Z', true],
  ] as const)
    await sql`
      insert into orphans (job_id, deleted_at, cancelled_at, purged_at)
      values (${id}, ${deleted}, ${cancelled ? deleted : null}, ${deleted})`
  const history = await steps()
  while (await history.fold());
  await history.expire()
  const rows = await sql`
    select (select array_to_string(array_agg(at::text), ',') from audit) as audit,
      (select count(*)::int from folded_slots) as slots,
      (select string_agg(to_char(day, 'DD'), ',') from job_days where job_id = ${job.id}) as days,
      (select string_agg(key, ',') from idempotency_keys) as keys,
      (select string_agg(job_id, ',' order by job_id) from orphans) as orphans`
  assert.deepEqual(
    { ...rows[0] },
    {
      audit: '2026-06-24 00:00:01+00',
      slots: 1,
      days: '24',
      keys: young,
      orphans: '00000000000b,00000000000c',
    },
  )
})
