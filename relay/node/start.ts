import {
  type AddressRules,
  createFireToken,
  createKeyring,
  createRelay,
  createSender,
  hashOf,
  newSecret,
  type Quota,
  usualFireTimeoutMs,
  usualHorizonMs,
  usualRetryGapsMs,
} from '../core/index.ts'
import { openDatabase } from './database.ts'
import type { Log } from './log.ts'
import { createPost, resolveAll } from './post.ts'
import { listen } from './server.ts'
import { createStore, type SqliteStore } from './store.ts'
import { createTicker, type Fired } from './ticker.ts'

export type RelayOptions = {
  /** The database; `DatabaseInUse` if another process has it. */
  file: string
  host: string
  /** 0: a free one. */
  port: number
  issuer: string | null
  /** Null: one is made at the first start, and its hash kept. */
  adminSecret: string | null
  rules: AddressRules
  quota: Quota
  log: Log
  /** Waits between the tries of a fire. */
  gapsMs?: readonly number[]
  fireTimeoutMs?: number
}

/** Fires in flight may take this long when the process is told to stop. Docker kills after ten seconds. */
const patienceMs = 8_000

/** Starts the relay in this process. It listens, and fires, when this resolves. */
export async function startRelay(options: RelayOptions) {
  const { host, issuer, rules, log, gapsMs = usualRetryGapsMs } = options
  const opened = openDatabase(options.file)
  const store = createStore({
    database: opened.database,
    gapsMs,
    armed({ agentId, jobId, fireAt, dueMs }) {
      log.debug('armed', { agent: agentId, job: jobId, fire_at: fireAt })
      ticker.armed(dueMs)
    },
  })
  const { adminHash, newAdminSecret } = await adminOf(store, options.adminSecret)
  const failed = (error: unknown) => log.error('failed', { err: error })
  const now = Date.now
  const keyring = createKeyring({ store, now })
  const timeoutMs = options.fireTimeoutMs ?? usualFireTimeoutMs
  const fireToken = createFireToken({ keyring, issuer, now })
  const send = createSender({ rules, post: createPost(rules), now, timeoutMs, fireToken })
  const ticker = createTicker({
    store,
    now,
    failed,
    send: ({ arm, agent }) => send(arm, agent),
    told: (fired) => tell(log, fired),
  })
  const settings = {
    issuer,
    adminHash,
    rules,
    quota: options.quota,
    horizonMs: usualHorizonMs,
    resolve: resolveAll,
  }
  const handle = createRelay({ store, settings, keyring, now })
  const server = await listen({ host, port: options.port, handle, failed }).catch((error: unknown) => {
    opened.close()
    throw error
  })
  // Now rather than at the first fire, which would wait for the key to be made.
  await keyring.signing()
  ticker.start()
  return {
    port: server.port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${server.port}`,
    /** Given out this once. */
    newAdminSecret,
    /** Answers open requests, waits for fires in flight, and leaves the file whole. */
    async close(): Promise<void> {
      const closed = server.close()
      await ticker.stop(patienceMs)
      const cut = setTimeout(server.cut, 1_000)
      await closed
      clearTimeout(cut)
      opened.close()
    },
  }
}

async function adminOf(store: SqliteStore, given: string | null) {
  if (given !== null) return { adminHash: await hashOf(given), newAdminSecret: null }
  const kept = store.adminHash()
  if (kept !== null) return { adminHash: kept, newAdminSecret: null }
  const secret = newSecret()
  const adminHash = await hashOf(secret)
  await store.keepAdminHash(adminHash)
  return { adminHash, newAdminSecret: secret }
}

function tell(log: Log, { arm, outcome, verdict, tookMs, latenessMs }: Fired): void {
  const fields = {
    agent: arm.agentId,
    job: arm.jobId,
    fire_at: arm.fireAt,
    try: arm.tries,
    status: outcome?.status ?? outcome?.error ?? 'none',
    ms: tookMs,
    late_ms: latenessMs,
  }
  if (verdict === 'given_up') log.warn('gave up', fields)
  else log.info(verdict === 'retry' ? 'fired, will retry' : 'fired', fields)
}
