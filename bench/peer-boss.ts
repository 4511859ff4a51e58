import { PgBoss } from 'pg-boss'

const count = Number(process.env['JOBS'])
const atOnce = Number(process.env['AT_ONCE'])
const connectionString = process.env['DATABASE_URL'] ?? ''
const quiet = { supervise: false, schedule: false }

// migrated once, as our database is
const first = new PgBoss({ connectionString, ...quiet })
first.on('error', console.error)
await first.start()
await first.createQueue('bench')
await first.insert(
  'bench',
  Array.from({ length: count }, () => ({ data: {} })),
)
await first.stop({ graceful: false })

const startedAt = performance.now()
const boss = new PgBoss({ connectionString, max: atOnce, ...quiet, migrate: false })
boss.on('error', console.error)
await boss.start()
await carry()
const startMs = performance.now() - startedAt
let done = 1
const beganAt = performance.now()
await Promise.all(Array.from({ length: atOnce }, one))
const perSecond = (done - 1) / ((performance.now() - beganAt) / 1000)
console.log(JSON.stringify({ perSecond, startMs, rssMb: process.memoryUsage().rss / 2 ** 20 }))
await boss.stop({ graceful: false })
if (done !== count) throw new Error(`${done} of ${count} jobs were done`)
process.exit(0)

async function one() {
  while (await carry()) done += 1
}

async function carry(): Promise<boolean> {
  const [job] = await boss.fetch('bench')
  if (!job) return false
  await boss.complete('bench', job.id)
  return true
}
