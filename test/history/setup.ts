import { randomBytes, randomUUID } from 'node:crypto'
import { createDatabase } from '../../db/client.ts'
import { createStore } from '../../db/index.ts'
import { foldStep } from '../../db/history-fold.ts'
import { createHistoryStore } from '../../db/history-store.ts'
import { policyFrom } from '../../src/decisions/index.ts'
import { createTestDatabase } from '../support/database.ts'

export const noon = new Date('2026-06-18T12:00:00Z')
export const dayMs = 86_400_000
const usual = { historyRuns: 10_000, runs: 1_000 }
const lives = { auditDays: 365, historyDays: 400, idempotencyDays: 30 }

export type RunWish = {
  state?: string
  /** Before noon of 18 June 2026. */
  msAgo?: number
  slot?: Date | null
  /** From its begin to its end; null: it never began. */
  tookMs?: number | null
  attempts?: object[]
  /** Its only attempt is told by its own columns. */
  isTold?: boolean
  usage?: object | null
  output?: string | null
}

/** A database of its own with rows of jobs and runs as they are wished for. The clock stands at noon. */
export async function openHistory() {
  const database = await createTestDatabase()
  const { sql } = database
  const db = createDatabase({ url: database.url, max: 8, deadlineMs: 20_000 })
  let clock = noon
  const store = createStore(db, () => clock)
  const history = createHistoryStore({
    database: db,
    clock: () => clock,
    keptOf: (policy) => policyFrom(policy).retention,
    lives,
  })
  let made = 0

  async function makeJob(policy: object = {}): Promise<string> {
    const id = randomBytes(6).toString('hex')
    await sql`
      insert into jobs (id, name, schedule, timezone, anchor, action, policy)
      values (${id}, 'a job', '{"kind":"cron","text":"0 9 * * *","display":"","expr":"0 9 * * *"}'::text::jsonb, 'UTC', ${noon},
        '{"type":"none"}'::text::jsonb, ${sql.json(policy as never)})`
    await sql`insert into job_runtime (job_id, armed_gen) values (${id}, 1)`
    return id
  }

  async function makeRun(jobId: string, wish: RunWish = {}): Promise<string> {
    const { state = 'succeeded', msAgo = 3_600_000, slot = null, tookMs = 1_000 } = wish
    const { attempts = [{}], isTold = false, usage = null, output = 'said' } = wish
    const id = randomUUID()
    const isLive = ['claimed', 'running', 'waiting'].includes(state)
    const endedAt = new Date(noon.getTime() - msAgo)
    const startedAt = tookMs === null ? null : new Date(endedAt.getTime() - tookMs)
    made += 1
    await sql`
      insert into runs (id, seq, job_id, slot, trigger, state, fence, attempt, owner, lease_until, claimed_at, started_at,
        finished_at, attempts, usage, output)
      values (${id}, ${(startedAt ?? endedAt).getTime() * 1000 + made}, ${jobId}, ${slot}, 'manual', ${state}, 1, ${isTold ? 1 : attempts.length},
        ${isLive ? 'us' : null}, ${isLive ? noon : null}, ${startedAt ?? endedAt}, ${startedAt},
        ${isLive ? null : endedAt}, ${sql.json((isTold ? [] : attempts) as never)}, ${usage && sql.json(usage as never)}, ${output})`
    return id
  }

  return {
    ...{ store, db, sql, history, makeJob, makeRun },
    setClock(at: Date) {
      clock = at
    },
    fold: (limit?: number) =>
      db.transaction((tx) => foldStep(tx, { now: clock, usual, ...(limit !== undefined && { limit }) })),
    /** Says that a job is due for a look at its past. */
    async due(jobId: string) {
      await sql`update job_history set next_at = ${clock} where job_id = ${jobId}`
    },
    async close() {
      await db.close()
      await database.drop()
    },
  }
}

export type OpenedHistory = Awaited<ReturnType<typeof openHistory>>
