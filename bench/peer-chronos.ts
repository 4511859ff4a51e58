import { createDatabase, createStore, type Store } from '../db/index.ts'
import { attend, settle, viewAfter } from '../src/decisions/index.ts'
import { jobId } from './seed.ts'

const count = Number(process.env['JOBS'])
const atOnce = Number(process.env['AT_ONCE'])
const owner = 'bench'

async function main() {
  const startedAt = performance.now()
  // as many connections as the peers have
  const database = createDatabase({ url: process.env['DATABASE_URL'] ?? '', max: atOnce })
  const store = createStore(database, () => null, { most: 1, atOnce })
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

/** What a fire does to a job: look, decide, claim; then decide how it ended, settle. */
async function carry(store: Store, n: number) {
  const look = await store.look(jobId(n))
  if (!look) throw new Error(`job ${n} is not there`)
  const runId = crypto.randomUUID()
  const decision = attend(look.view, { trigger: 'fire', fireAt: null, earlyMs: 0, newRunId: () => runId })
  const writing = { owner, leaseMs: 300_000, begins: true, armSpent: true, armLease: null, output: null }
  const claimed = decision && (await store.transition(look.view, decision, writing))
  if (!decision || !claimed?.inserted.has(runId)) throw new Error(`job ${n} was not claimed`)
  const view = viewAfter(look.view, decision, { ...claimed, owner })
  const done = settle(view, { runId, fence: view.runtime.fence, outcome: { state: 'succeeded' } })
  const settled = done && (await store.transition(view, done, { ...writing, armSpent: false }))
  if (!settled) throw new Error(`job ${n} was not settled`)
}

void main()
