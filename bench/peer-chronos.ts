import { createDatabase, createStore, type Store } from '../db/index.ts'
import { settle } from '../src/decisions/index.ts'
import { jobId } from './seed.ts'

const count = Number(process.env['JOBS'])
const atOnce = Number(process.env['AT_ONCE'])
const isShared = process.env['SHARED'] === '1'
const owner = 'bench'

async function main() {
  const startedAt = performance.now()
  // one by one, as many connections as the peers have; a crowd shares those of a service
  const url = process.env['DATABASE_URL'] ?? ''
  const database = createDatabase({ url, max: isShared ? 4 : atOnce })
  const store = createStore(database, () => null, isShared ? {} : { crowd: { most: 1, atOnce } })
  await carry(store, 1)
  const startMs = performance.now() - startedAt
  const left = Array.from({ length: count - 1 }, (_, n) => n + 2).values()
  const beganAt = performance.now()
  await Promise.all(Array.from({ length: atOnce }, one))
  const perSecond = (count - 1) / ((performance.now() - beganAt) / 1000)
  console.log(JSON.stringify({ perSecond, startMs, rssMb: process.memoryUsage().rss / 2 ** 20 }))
  await database.close()

  async function one() {
    for (const n of left) await carry(store, n)
  }
}

/** What a fire does to a job: the claim that was decided beforehand; then decide how it ended, settle. */
async function carry(store: Store, n: number) {
  const runId = crypto.randomUUID()
  const writing = { owner, leaseMs: 300_000, begins: true, armLease: null }
  const claimed = await store.claimReady({ jobId: jobId(n), runId, trigger: 'fire', ...writing })
  if (!claimed?.written.inserted.has(runId)) throw new Error(`job ${n} was not claimed`)
  const { view } = claimed.look
  const done = settle(view, { runId, fence: view.runtime.fence, outcome: { state: 'succeeded' } })
  const settled = done && (await store.transition(view, done, { ...writing, armSpent: false, output: null }))
  if (!settled) throw new Error(`job ${n} was not settled`)
}

void main()
