import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { freePort } from '../../dev/free-port.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'

let database: TestDatabase
before(async () => {
  database = await createTestDatabase()
})
after(() => database.drop())

const started: ChildProcess[] = []
after(() => {
  for (const child of started) child.kill('SIGKILL')
})

/** A real process of a machine. It exits as soon as it has nothing to do. */
async function start(machineId: string, env: Record<string, string> = {}) {
  const { PATH = '' } = process.env
  const child = spawn(process.execPath, ['src/server.ts'], {
    env: {
      ...{ PATH, DATABASE_URL: database.url, LOG_LEVEL: 'silent', HOST: '127.0.0.1' },
      ...{ PORT: String(await freePort()), FLY_MACHINE_ID: machineId, ...env },
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  started.push(child)
  return { child, exited: once(child, 'exit') }
}

const recordOf = async (machineId: string) => {
  const [row] = await database.sql<{ value: { state: string; at: string; up_ms: number } }[]>`
    select value from facts where name = ${`process:${machineId}`}`
  return row?.value ?? null
}

test('the time of a machine that was killed and never starts again is added by the exit of another one', async () => {
  const { sql } = database
  const killed = await start('gone')
  await until('it has noted that it is up', () => recordOf('gone'))
  killed.child.kill('SIGKILL')
  await killed.exited
  const note = await recordOf('gone')
  assert.equal(note?.state, 'up')
  assert.equal((await sql`select from process_days`).length, 0)

  // two hours go by, in which no process looks after history
  await sql`
    update facts set value = value || jsonb_build_object('at', (value ->> 'at')::timestamptz - interval '2 hours')
    where name = 'process:gone'`
  await sql`update history set tended_at = now() - interval '1 hour'`
  const other = await start('other', { IDLE_EXIT_MS: '1', BOOT_GRACE_MS: '1' })
  assert.deepEqual(await other.exited, [0, null])
  assert.equal((await recordOf('gone'))?.state, 'lost')
  assert.equal((await recordOf('other'))?.state, 'exited')
  const [days] = await sql<{ starts: number }[]>`select sum(starts)::int as starts from process_days`
  assert.equal(days?.starts, 2)
  const [first] = await sql<{ began: Date }[]>`select began from process_days order by day limit 1`
  const beganAt = Date.parse(note?.at ?? '') - 7_200_000 - (note?.up_ms ?? 0)
  assert.ok(Math.abs((first?.began.getTime() ?? 0) - beganAt) <= 1, 'since its begin')
})
