import { providers } from '../../../src/arming/providers.ts'
import { createPgClient } from '../../../src/timers/pg/client.ts'
import { fireKey } from '../../../src/timers/pg/key.ts'
import { scriptFor } from '../../../src/timers/pg/script.ts'
import type { TestDatabase } from '../../../test/support/database.ts'
import { startPgTimer } from '../../pg-timer/index.ts'
import type { Connecting, Held, Outside, StartOutside } from './outside.ts'
import { given, standInFaults } from './stand-ins.ts'

/**
 * Postgres as the timer: our own SQL in the database of the world, which pg_cron's stand-in runs each 5 s of the world's
 * clock. Each statement of a process is a step, and so is one that sets Postgres up.
 */
export const startPgOutside: StartOutside = async ({ database, start, copies, changed }) => {
  const timer = await startPgTimer({ database, time: new Date(start), changed })
  const { title, place, limits } = given(providers['pg'])
  const { faults, deliveries } = timer
  faults.copies = copies
  const outside: Outside = {
    ...{ title, kind: 'timer', isOnePerJob: true, nas: null },
    environment: () => ({ CRON_PROVIDER: 'pg' }),
    connect: ({ config, steps, life, log }) => ({
      ...{ name: 'pg', title, place: place(config), limits: limits(config) },
      ...createPgClient({
        query: (text) => steps.make(life, 'timer.query', () => query(database, text)),
        ...{ script: scriptOf(config), log },
      }),
    }),
    held: () => heldIn(database),
    nextMs: timer.nextMs,
    jump: timer.jump,
    sending: timer.sending,
    isBehind: timer.isBehind,
    hold: async () => timer.hold(),
    release: async () => timer.release(),
    // a wake time cannot be lost; who looks at it can
    lose: async () => void (await database.sql`delete from cron.job`),
    async misbehave(text) {
      if (text === 'each other look fails') timer.failEachOther()
      else Object.assign(faults, structuredClone(given(standInFaults[text])))
    },
    // it hears none
    lostAnswers: () => 0,
    story: () => deliveries,
    async close() {
      await timer.close()
      await database.sql.unsafe(tearDown)
    },
  }
  return outside
}

function scriptOf({ callbackUrl, encryptionKey }: Connecting['config']) {
  return scriptFor({ fireUrl: `${callbackUrl}/api/cron/fire`, key: fireKey(given(encryptionKey)) })
}

/** As src/identity.ts has it. */
function query({ db }: TestDatabase, text: string) {
  return db.run((sql) => sql.unsafe(text), { idempotent: true, name: 'the statement of the timer' })
}

/** The wake times, as far as there is a row that looks at them; what was due at the last look is called again. */
async function heldIn({ sql }: TestDatabase): Promise<Held[]> {
  const [{ exists } = {}] = await sql`select to_regclass('chronos_timer') is not null as exists`
  if (!exists) return []
  const rows = await sql<{ job_id: string; wake_at: Date; tries: number }[]>`
    select job_id, wake_at, (wake_at <= looked_at)::int as tries from job_runtime, chronos_timer, cron.job
    where wake_at is not null and active and command = 'select public.chronos_look()'`
  return rows.map(({ job_id: jobId, wake_at: fireAt, tries }) => ({
    ...{ jobId, fireAt, tries },
    ...{ scheduleId: '', isWaiting: true, isListed: true },
  }))
}

/** The next world finds a database in which nothing was set up. */
const tearDown = `
drop schema if exists cron, net cascade;
drop function if exists chronos_look;
drop table if exists chronos_timer cascade;
drop function if exists chronos_base64url, chronos_calls_due;
`
