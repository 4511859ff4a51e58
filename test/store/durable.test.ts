import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import postgres from 'postgres'
import { createProcessRecord, type Database, migrate } from '../../db/index.ts'
import { startPostgres } from '../../dev/postgres/index.ts'
import { settle, viewAfter } from '../../src/decisions/index.ts'
import { armLeaseMs, claim, lookAt, openStore, owner, writing } from './setup.ts'

// A server that keeps its promises, all of whose processes are killed at once: what a commit waited for is there again,
// and what it did not wait for may be lost.

/** Kills the server and its processes, as a power cut does; what the kernel holds is written. */
async function cut(dataDir: string) {
  const [postmaster = ''] = (await readFile(join(dataDir, 'postmaster.pid'), 'utf8')).split('\n')
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')))
  const children = stats.flatMap((stat) => {
    const [, pid, parent] = /^(\d+) \(.*\) \S (\d+) /.exec(stat) ?? []
    return pid && parent === postmaster ? [Number(pid)] : []
  })
  // the first stops: it would tell the others to go
  process.kill(Number(postmaster), 'SIGSTOP')
  for (const pid of children) process.kill(pid, 'SIGKILL')
  process.kill(Number(postmaster), 'SIGKILL')
}

async function serve(dataDir: string) {
  const server = await startPostgres({ dataDir })
  const sql = postgres(server.url, { max: 2, onnotice: () => {} })
  return { ...server, sql, drop: () => sql.end({ timeout: 1 }) }
}

const recordOf = (database: Database, name: string) =>
  createProcessRecord({ database, machineId: 'm1', owner: name })

/** Of each day, the processes whose life was added. */
async function startsOf(sql: postgres.Sql): Promise<number[]> {
  const rows = await sql<{ starts: number }[]>`select starts::int from process_days`
  return rows.map(({ starts }) => starts)
}

test('if Postgres dies, no claim and no end is lost; an arm that is lost is owed again; a lost boot was none', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-durable-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const dataDir = join(folder, 'data')
  const first = await serve(dataDir)
  await migrate(first.url)
  await first.sql`alter system set wal_writer_delay = '10s'`
  await first.sql`select pg_reload_conf()`
  const opened = await openStore(first)
  const { store } = opened
  await recordOf(opened.db, 'the first').arrive({ upMs: 0 })
  const jobs: string[] = []
  for (let n = 0; n < 4; n++) {
    opened.setTime('08:30:00')
    const jobId = await opened.job()
    jobs.push(jobId)
    opened.setTime('09:00:00')
    const armLease = { holder: `${owner}/1/${n}`, heirOf: `${owner}/1/`, ms: armLeaseMs }
    const claimed = await claim(store, jobId, { armLease, armSpent: true, begins: true })
    const { order } = claimed.written
    assert.ok(order)
    if (n % 2 === 0) {
      const view = viewAfter(claimed.look.view, claimed.decision, { ...claimed.written, owner })
      const done = settle(view, {
        runId: claimed.run.id,
        fence: claimed.run.fence,
        outcome: { state: 'succeeded' },
      })
      assert.ok(done && (await store.transition(view, done, writing)))
    }
    const armed = {
      fireAt: order.wakeAt,
      mayBeHeld: true,
      tookMs: 1,
      outcome: 'armed' as const,
      scheduleId: 's',
    }
    await store.recordArm(jobId, { ...armed, gen: order.gen, holder: order.holder })
  }
  await recordOf(opened.db, 'the second').arrive({ upMs: 0 })
  assert.deepEqual(await startsOf(first.sql), [1])
  await cut(dataDir)
  await opened.close().catch(() => {})

  const second = await serve(dataDir)
  t.after(() => second.stop())
  const again = await openStore(second)
  t.after(() => again.close())
  again.setTime('09:00:30')
  assert.deepEqual(await startsOf(second.sql), [])
  assert.equal((await recordOf(again.db, 'the third').arrive({ upMs: 0 })).earlier?.owner, 'the first')
  assert.deepEqual(await startsOf(second.sql), [1])
  for (const [n, jobId] of jobs.entries()) {
    const { live, runtime } = (await lookAt(again.store, jobId)).view
    assert.deepEqual([runtime.slotsUsed, live.length], [1, n % 2], `job ${n}`)
    const taken = await again.store.takeArm({
      jobId,
      lease: { holder: 'other/1/1', heirOf: 'other/1/', ms: armLeaseMs },
    })
    // settled, the wake time has moved: the arm of the claim is not enough
    if (n % 2 === 0) assert.equal(taken.state, 'order')
    // the last write of all was not waited for, and nothing was after it
    if (n === jobs.length - 1) assert.equal(taken.state, 'order')
  }
})
