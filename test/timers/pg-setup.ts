import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import { startPgTimer } from '../../dev/pg-timer/index.ts'
import { createPgClient } from '../../src/timers/pg/client.ts'
import { fireKey } from '../../src/timers/pg/key.ts'
import { scriptFor } from '../../src/timers/pg/script.ts'
import type { Query } from '../../src/timers/index.ts'
import { createTestDatabase } from '../support/database.ts'

export const fireUrl = 'https://app.example/api/cron/fire'
export const startsAt = new Date('2026-06-18T08:00:00Z')
export const after = (seconds: number) => new Date(startsAt.getTime() + seconds * 1_000)

type Options = { version?: '1.4' | '1.6' }

/** A database with the stand-in's extensions and our objects, without a service; nothing looks by itself. */
export async function setUpDatabase(t: TestContext, options: Options = {}) {
  const database = await createTestDatabase()
  t.after(() => database.drop())
  const { sql, db } = database
  const timer = await startPgTimer({ database, time: startsAt, ...options })
  const encryptionKey = randomBytes(32)
  const lines: string[] = []
  const log = { info: note, warn: note, error: note }
  function note(_fields: object, message: string) {
    lines.push(message)
  }
  const client = (url = fireUrl, query: Query = (text) => sql.unsafe(text), secret = encryptionKey) =>
    createPgClient({ query, script: scriptFor({ fireUrl: url, key: fireKey(secret) }), log })

  return {
    ...{ sql, db, timer, encryptionKey, lines, client },
    /** A job whose wake time moved to `wakeAt` at `changedAt`. */
    async wake(jobId: string, wakeAt: Date, changedAt = startsAt) {
      await sql`
        insert into jobs (id, name, schedule, timezone, anchor, action)
        values (${jobId}, 'a job', '{"kind": "cron"}', 'UTC', now(), '{"type": "http"}') on conflict do nothing`
      await sql`
        insert into job_runtime (job_id, wake_at, wake_changed_at) values (${jobId}, ${wakeAt}, ${changedAt})
        on conflict (job_id) do update set wake_at = excluded.wake_at, wake_changed_at = excluded.wake_changed_at`
    },
    /** One look; the jobs that it called. */
    async look(at: Date): Promise<string[]> {
      const [row] = await sql<{ calls: number }[]>`select chronos_look(${at}) as calls`
      const queued = await sql<{ body: string }[]>`
        delete from net.http_request_queue returning convert_from(body, 'UTF8') as body`
      const jobIds = queued.map(({ body }) => (JSON.parse(body) as { job_id: string }).job_id)
      if (jobIds.length !== row?.calls) throw new Error(`${row?.calls} calls, ${jobIds.length} requests`)
      return jobIds.toSorted((one, other) => one.localeCompare(other))
    },
    async cronJobs() {
      return [
        ...(await sql`select jobname, schedule, command, active from cron.job where database = current_database()`),
      ]
    },
  }
}
