import { Logger, makeWorkerUtils, run, runMigrations } from 'graphile-worker'

const count = Number(process.env['JOBS'])
const atOnce = Number(process.env['AT_ONCE'])
const connectionString = process.env['DATABASE_URL'] ?? ''
const logger = new Logger(() => () => {})

await runMigrations({ connectionString, logger })
const utils = await makeWorkerUtils({ connectionString, logger })
await utils.withPgClient((client) =>
  client.query("select graphile_worker.add_job('bench', '{}') from generate_series(1, $1::int)", [count]),
)
await utils.release()

const { promise: allDone, resolve } = Promise.withResolvers<void>()
let done = 0
let firstAt = 0
const startedAt = performance.now()
const runner = await run({
  ...{ connectionString, logger, concurrency: atOnce, maxPoolSize: atOnce, noHandleSignals: true },
  pollInterval: 1_000,
  taskList: {
    async bench() {
      if (done === 0) firstAt = performance.now()
      done += 1
      if (done === count) resolve()
    },
  },
})
await allDone
// what it has begun is completed by then
await runner.stop()
const seconds = (performance.now() - firstAt) / 1000
console.log(
  JSON.stringify({
    perSecond: (count - 1) / seconds,
    startMs: firstAt - startedAt,
    rssMb: process.memoryUsage().rss / 2 ** 20,
  }),
)
process.exit(0)
