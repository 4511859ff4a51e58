import assert from 'node:assert/strict'
import { after, before, type TestContext } from 'node:test'
import { type Release, type Shown, startWorld, type World } from '../../dev/fly/world.ts'
import type { AnswerEntry } from '../../dev/nas/index.ts'
import { sharedBuild } from '../support/build.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'

export type Setup = World & {
  database: TestDatabase
  /** A job that calls the target at `/hook`. */
  makeJob(fields?: Record<string, unknown>): Promise<Shown>
  /** Starts a run of the job now; its id. */
  runNow(jobId: string): Promise<string>
  retryOnce(jobId: string): Promise<void>
  /** Once the run has ended; without an id the newest of the job. Asked in Postgres, so that no one is woken by it. */
  ended(
    jobId: string,
    runId?: string,
  ): Promise<{ id: string; state: string; attempt: number; error_code: string | null }>
  /** Once every machine is down, as often as is said. */
  down(exits?: number): Promise<void>
  fires(jobId: string): (number | null)[]
  fireNow(jobId: string): Promise<AnswerEntry['status']>
}

let release: Release

/** To be called at the top of a test file: what is fired at is the bundle, as it is shipped. */
export function useRelease(): () => Release {
  before(async () => {
    release = (await sharedBuild()).release
  })
  after(() => release.remove())
  return () => release
}

type Options = Partial<Omit<Parameters<typeof startWorld>[0], 'databaseUrl'>>

/** A deployed Chronos on local Fly, all machines off, gone with the test. */
export async function setup(context: TestContext, options: Options = {}): Promise<Setup> {
  const database = await createTestDatabase()
  const world = await startWorld({ release, databaseUrl: database.url, ...options })
  context.after(async () => {
    await world.close()
    await database.drop()
  })
  const { fly, nas, target, api } = world
  const { sql } = database
  return {
    ...{ ...world, database },
    async makeJob(fields = {}) {
      const action = { type: 'http', url: `${target.url}/hook` }
      const { status, body } = await api('POST', '/api/jobs', {
        name: 'a job',
        schedule: 'every 1h',
        action,
        ...fields,
      })
      assert.equal(status, 201, JSON.stringify(body))
      return body.job as Shown
    },
    async runNow(jobId) {
      const { status, body } = await api('POST', `/api/jobs/${jobId}/run`, {})
      assert.equal(status, 202, JSON.stringify(body))
      return (body.run as Shown).id
    },
    async retryOnce(jobId) {
      const policy = { retry: { attempts: 2, backoff: 'fixed', delayMs: 100 } }
      await sql`update jobs set policy = ${sql.json(policy)}, version = version + 1 where id = ${jobId}`
    },
    ended: (jobId, runId) =>
      until(`run ${runId ?? ''} of job ${jobId} ends`, async () => {
        const [run] = await sql<{ id: string; state: string; attempt: number; error_code: string | null }[]>`
          select id, state, attempt, error_code from runs where job_id = ${jobId} and finished_at is not null
            and (${runId ?? null}::uuid is null or id = ${runId ?? null}) order by seq desc limit 1`
        return run
      }),
    down: (exits = 1) =>
      fly.until(
        () =>
          fly.machines.every((machine) => machine.state() === 'stopped') &&
          fly.events.filter(({ what }) => what === 'exit').length >= exits,
      ),
    fires: (jobId) => nas.fires(jobId).map(({ status }) => status),
    fireNow: async (jobId) =>
      (await nas.sendFire({ url: `${fly.url}/api/cron/fire`, body: { job_id: jobId } })).status,
  }
}
