import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createAddressRules,
  createFireToken,
  createKeyring,
  createRelay,
  createSender,
  hashOf,
  usualHorizonMs,
  usualQuota,
  usualRetryGapsMs,
} from '../../../relay/core/index.ts'
import { openDatabase } from '../../../relay/node/database.ts'
import { createPost, resolveAll } from '../../../relay/node/post.ts'
import { listen } from '../../../relay/node/server.ts'
import { createStore, type SqliteStore } from '../../../relay/node/store.ts'
import { createTicker } from '../../../relay/node/ticker.ts'
import { callRelay } from '../../relay/client.ts'
import { connectNas } from './nas.ts'
import type { Outside, StartOutside } from './outside.ts'

const adminSecret = 'the-admin-secret-of-a-tortured-relay'
const agentId = 'torture'

/**
 * The relay on Node: its routes, its SQLite and its ticker, put together as relay/node/start.ts does it, on the clock of
 * the world.
 */
export const startRelayOutside: StartOutside = async ({ start, callbackUrl, changed }) => {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-torture-relay-'))
  const opened = openWithUmask(join(folder, 'relay.db'))
  let nowMs = Date.parse(start)
  const now = () => nowMs
  const failures: unknown[] = []
  const told: unknown[] = []
  const failed = (error: unknown) => {
    failures.push(error)
    throw error
  }
  const stored = createStore({
    ...{ database: opened.database, gapsMs: usualRetryGapsMs },
    armed({ jobId, fireAt, dueMs }) {
      told.push({ armed: jobId, fireAt })
      ticker.armed(dueMs)
    },
  })
  const flying = createFlights(stored, changed)
  const rules = createAddressRules(['127.0.0.0/8'])
  const keyring = createKeyring({ store: stored, now })
  // the edge hangs up, on the world's clock
  const fireToken = createFireToken({ keyring, issuer: null, now })
  const send = createSender({ rules, post: createPost(rules), now, timeoutMs: 600_000, fireToken })
  const makeTicker = () =>
    createTicker({
      ...{ store: flying.store, now, failed },
      send: ({ arm, agent }) => flying.during(arm.scheduleId, send(arm, agent)),
      told: ({ arm, outcome, verdict }) => void told.push({ fired: arm.jobId, outcome, verdict }),
    })
  let ticker = makeTicker()
  let isHeld = false
  const adminHash = await hashOf(adminSecret)
  const settings = { issuer: null, adminHash, rules, quota: usualQuota, horizonMs: usualHorizonMs }
  const handle = createRelay({ store: stored, settings: { ...settings, resolve: resolveAll }, keyring, now })
  const server = await listen({ host: '127.0.0.1', port: 0, handle, failed })
  const made = await callRelay(`http://127.0.0.1:${server.port}/agents`, {
    token: adminSecret,
    json: { agent_id: agentId, callback_urls: [callbackUrl] },
  })
  const environment = made.body['environment'] as Record<string, string>
  ticker.start()
  const dueMs = () => stored.nextDueMs(({ scheduleId }) => !flying.has(scheduleId), [])

  const outside: Outside = {
    ...{ title: 'The relay', kind: 'nas', isOnePerJob: true, nas: null, connect: connectNas },
    environment: () => ({ CRON_PROVIDER: 'chronos', ...environment }),
    held: async () =>
      (await stored.listArms(agentId)).map(({ jobId, fireAtMs, scheduleId, tries }) => ({
        ...{ jobId, fireAt: new Date(fireAtMs), scheduleId, tries, isWaiting: true, isListed: true },
      })),
    nextMs() {
      const next = stored.nextDueMs(({ dueMs: atMs }) => atMs > nowMs, [])
      return next ?? Number.POSITIVE_INFINITY
    },
    jump(instant) {
      nowMs = instant.getTime()
      // its own timer waits by the real clock
      if (!isHeld) ticker.start()
    },
    sending: flying.count,
    isBehind: () => !isHeld && (dueMs() ?? Number.POSITIVE_INFINITY) <= nowMs,
    // its machine is off for a while
    async hold() {
      isHeld = true
      await ticker.stop(0)
    },
    async release() {
      isHeld = false
      ticker = makeTicker()
      ticker.start()
    },
    lose: (jobId) => stored.disarm(agentId, jobId),
    async misbehave(text) {
      throw new Error(`the relay does not misbehave, not even by ${text}`)
    },
    lostAnswers: () => 0,
    story: () => [...told, ...failures],
    async close() {
      await ticker.stop(0)
      const closed = server.close()
      server.cut()
      await closed
      await flying.landed()
      opened.close()
      await rm(folder, { recursive: true })
    },
  }
  return outside
}

/** The relay sets the process' umask, for a file of its own; the programs that this one starts have others to read. */
function openWithUmask(file: string) {
  const before = process.umask()
  try {
    return openDatabase(file)
  } finally {
    process.umask(before)
  }
}

/** Counts what the ticker is about: looks at what is due, calls, and what came of them. */
function createFlights(store: SqliteStore, changed: () => void) {
  const underWay = new Set<Promise<unknown>>()
  const calls = new Map<string, number>()
  function count<T>(work: Promise<T>): Promise<T> {
    underWay.add(work)
    const end = () => {
      underWay.delete(work)
      changed()
    }
    work.then(end, end)
    return work
  }
  const counted: SqliteStore = {
    ...store,
    begin: (wish) => count(store.begin(wish)),
    settle: (...call) => count(store.settle(...call)),
  }
  return {
    store: counted,
    during<T>(id: string, call: Promise<T>): Promise<T> {
      calls.set(id, (calls.get(id) ?? 0) + 1)
      const end = () => void calls.delete(id)
      call.then(end, end)
      return count(call)
    },
    has: (id: string) => calls.has(id),
    count: () => underWay.size,
    async landed() {
      while (underWay.size > 0) await Promise.allSettled(underWay)
    },
  }
}
