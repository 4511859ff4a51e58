import { randomBytes } from 'node:crypto'
import { after, type TestContext } from 'node:test'
import { createLoginStore } from '../../db/logins.ts'
import { createLogin, type LoginStore } from '../../src/timers/nas/index.ts'
import type { Login } from '../../src/timers/nas/login.ts'
import { createSeal } from '../../src/vault/seal/index.ts'
import { startNas, type NasOptions } from '../../dev/nas/index.ts'
import { createTestDatabase } from '../support/database.ts'
import { collectLog, userAgent } from './setup.ts'

export const encryptionKey = randomBytes(32)

type Change = {
  firstRefreshToken?: string
  store?: LoginStore
  key?: Buffer
  waitMs?: number
  timeoutMs?: number
  tokenUrl?: string
}

const database = await createTestDatabase()
after(() => database.drop())

/**
 * The local NAS, a login of its own in the file's database, and processes of ours that share it: each `start()` is a login as one process has it.
 * The NAS, Postgres' leases and the processes all stand at `clock.now`.
 */
export async function loginSetup(t: TestContext, options: NasOptions = {}) {
  const time = new Date('2026-06-18T12:00:00Z')
  const nas = await startNas({ time, clientId: `client-${randomBytes(4).toString('hex')}`, ...options })
  t.after(() => nas.close())
  const clock = { now: time }
  const log = collectLog()
  const firstRefreshToken = nas.refreshToken()
  const { clientId } = nas
  const { sql, db } = database
  const store = createLoginStore({ db, clientId, now: () => clock.now })

  function start(change: Change = {}): Login {
    const { key = encryptionKey, ...rest } = change
    const all = { tokenUrl: nas.tokenUrl, clientId, firstRefreshToken, store, userAgent, log, ...rest }
    return createLogin({ ...all, seal: createSeal(key), now: () => clock.now })
  }

  function later(ms: number): void {
    clock.now = new Date(clock.now.getTime() + ms)
    nas.jump(clock.now)
  }

  const refreshes = () => nas.requests('token').length
  const errors = () => log.lines.filter((line) => line.level === 'error')
  return { nas, database, sql, clock, later, log, errors, store, start, refreshes, firstRefreshToken }
}
