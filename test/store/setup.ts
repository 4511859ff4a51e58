import { nothingGiven } from '../../src/columns/index.ts'
import { randomBytes, randomUUID } from 'node:crypto'
import { createStore, type Look, ruleOf, type Store, storeSchedule, type Written } from '../../db/index.ts'
import { attend, firstRuntime, type Decision, type Occasion } from '../../src/decisions/index.ts'
import { parseSchedule } from '../../src/schedule/parse.ts'
import { createDatabase } from '../../db/client.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

export const owner = 'machine:boot'
export const other = 'machine:another boot'
export const leaseMs = 60_000
export const armLeaseMs = 20_000

export const at = (time: string) => new Date(`2026-06-18T${time}Z`)

export type JobWish = { schedule?: string; policy?: Record<string, unknown>; key?: string; at?: Date | null }

/** A migrated database, by default one of its own, and the store whose clock stands still where it is set; 08:30 of 18 June 2026 at first. */
export async function openStore(given?: Pick<TestDatabase, 'url' | 'sql' | 'drop'>) {
  const database = given ?? (await createTestDatabase())
  const db = createDatabase({ url: database.url, max: 12, deadlineMs: 20_000 })
  let clock: Date | null = at('08:30:00')
  const store = createStore(db, () => clock)

  async function makeJob({
    schedule: text = '0 * * * *',
    policy = {},
    key,
  }: JobWish = {}): Promise<string | null> {
    const now = await store.now()
    const schedule = storeSchedule(parseSchedule(text, { now, zone: 'UTC' }), text)
    const authored = {
      ...nothingGiven,
      ...{
        id: randomBytes(6).toString('hex'),
        project: 'default',
        name: 'a job',
        schedule,
        timezone: 'UTC',
        anchor: now,
        policy,
      },
      ...{
        prompt: null,
        skills: ['a'],
        deliver: null,
        action: { type: 'http' },
        repeatTimes: null,
        after: null,
        tags: ['x', 'y'],
      },
    }
    const runtime = firstRuntime(ruleOf({ ...authored, version: 1 }), now)
    const made = await store.createJob(
      { ...authored, runtime, wakeAt: runtime.nextSlot },
      key === undefined ? null : { key, bodyHash: 'hash' },
    )
    return made && made.id
  }

  return {
    ...{ store, db, sql: database.sql, makeJob },
    setTime: (time: string | Date | null) => {
      clock = typeof time === 'string' ? at(time) : time
    },
    /** A job that is there. */
    async job(wish: JobWish = {}): Promise<string> {
      const id = await makeJob(wish)
      if (!id) throw new Error('the job was not made')
      return id
    },
    async close() {
      await db.close()
      await database.drop()
    },
  }
}

export type Opened = Awaited<ReturnType<typeof openStore>>

export async function lookAt(store: Store, jobId: string): Promise<Look> {
  const look = await store.look(jobId)
  if (!look) throw new Error(`no job ${jobId}`)
  return look
}

export function decide(look: Look, occasion: Partial<Occasion> = {}): Decision {
  const decision = attend(look.view, {
    trigger: 'fire',
    fireAt: null,
    earlyMs: 60_000,
    newRunId: randomUUID,
    ...occasion,
  })
  if (!decision) throw new Error('nothing is due')
  return decision
}

export const writing = {
  ...{ owner, leaseMs, begins: false, armSpent: false, armLease: null, output: null },
} satisfies Parameters<Store['transition']>[2]

/** Claims what is due of the job; the run that was taken. */
export async function claim(
  store: Store,
  jobId: string,
  change: Partial<Parameters<Store['transition']>[2]> = {},
) {
  const look = await lookAt(store, jobId)
  const decision = decide(look)
  const written = await store.transition(look.view, decision, { ...writing, ...change })
  const [run] = decision.starts
  if (!written || !run) throw new Error('nothing was claimed')
  return {
    look,
    decision,
    written: written satisfies Written,
    run,
    held: { runId: run.id, fence: run.fence, leaseMs },
  }
}

export const race = <T>(times: number, work: (n: number) => Promise<T>) =>
  Promise.all(Array.from({ length: times }, (_, n) => work(n)))
