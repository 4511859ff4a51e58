import { afterEach, beforeEach } from 'node:test'

/**
 * Loaded into every test file's process. node waits without end for a process whose tests are over while a timer,
 * socket or server is still open, and --test-force-exit would hide it. Here it becomes a failure that names what
 * was left.
 */
const patienceMs = Number(process.env['CHRONOS_TEST_PATIENCE_MS'] ?? 15_000)

let running = 0
let quietSince = Infinity

beforeEach(() => {
  running += 1
})

afterEach(() => {
  running -= 1
  quietSince = Date.now()
})

setInterval(() => {
  if (running > 0 || Date.now() - quietSince < patienceMs) return
  const left = process.getActiveResourcesInfo().filter((kind) => kind !== 'PipeWrap')
  process.stderr.write(`all tests are over, but this keeps the process alive: ${left.join(', ')}\n`)
  process.exit(1)
}, 1000).unref()
