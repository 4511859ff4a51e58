import { randomBytes, randomUUID } from 'node:crypto'
import { createLogStore } from '../../db/index.ts'
import { createTestDatabase } from '../support/database.ts'

const noon = new Date('2026-06-18T12:00:00Z')
const dayMs = 86_400_000

type RunWish = {
  state?: string
  attempt?: number
  fence?: number
  output?: string | null
  /** Before noon of 18 June 2026. */
  daysAgo?: number
}

/** A log store on a database of its own, and rows of jobs and runs as they are wished for. The clock stands at noon. */
export async function openLogs() {
  const database = await createTestDatabase()
  const { sql } = database
  let clock = noon
  const store = createLogStore(database.db, () => clock)

  async function makeJob(policy: object = {}): Promise<string> {
    const id = randomBytes(6).toString('hex')
    await sql`
      insert into jobs (id, name, schedule, timezone, anchor, action, policy)
      values (${id}, 'a job', '{"kind":"cron","expr":"0 9 * * *"}'::text::jsonb, 'UTC', ${noon}, '{"type":"http"}'::text::jsonb,
        ${sql.json(policy as never)})`
    return id
  }

  async function makeRun(jobId: string, wish: RunWish = {}): Promise<string> {
    const { state = 'succeeded', attempt = 1, fence = 1, output = 'said', daysAgo = 0 } = wish
    const id = randomUUID()
    const at = new Date(noon.getTime() - daysAgo * dayMs)
    const isLive = state === 'running'
    await sql`
      insert into runs (id, job_id, trigger, state, fence, attempt, owner, lease_until, claimed_at, finished_at, output)
      values (${id}, ${jobId}, 'manual', ${state}, ${fence}, ${attempt}, ${isLive ? 'us' : null},
        ${isLive ? noon : null}, ${at}, ${isLive ? null : at}, ${output})`
    return id
  }

  return {
    ...{ store, sql, makeJob, makeRun },
    setClock(at: Date) {
      clock = at
    },
    /** Writes a log of one word; false: the store refused it. */
    say: (runId: string, text: string, { attempt = 1, fence = 1 } = {}) => {
      const head = Buffer.from(text)
      return store.write({ runId, attempt, fence, head, tail: Buffer.alloc(0), total: head.length })
    },
    close: () => database.drop(),
  }
}
