import { Worker } from 'node:worker_threads'

/**
 * Ends this process if its event loop has not turned for about `stallMs`: such a process answers no request, renews no
 * lease and would never leave. A thread of its own watches, counting its own looks and not the time, so that a machine
 * that was suspended is not taken for a stalled one. SIGKILL, because a stalled process handles no signal; the exit
 * status makes the platform start it again, and the leases do the rest.
 */
export function watchForStall({ stallMs, beatMs = 1_000 }: { stallMs: number; beatMs?: number }): void {
  const beats = new Int32Array(new SharedArrayBuffer(4))
  setInterval(() => Atomics.add(beats, 0, 1), beatMs).unref()
  const worker = new Worker(watcher, {
    eval: true,
    workerData: { beats, beatMs, looks: Math.ceil(stallMs / beatMs), pid: process.pid },
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 },
    env: {},
    execArgv: [],
  })
  worker.unref()
}

/** Text, so that the service stays one file. It waits on a value that never changes, for the length of a beat. */
const watcher = `
const { workerData: { beats, beatMs, looks, pid } } = require('node:worker_threads')
const never = new Int32Array(new SharedArrayBuffer(4))
for (let seen = -1, same = 0; same < looks; ) {
  Atomics.wait(never, 0, 0, beatMs)
  const now = Atomics.load(beats, 0)
  same = now === seen ? same + 1 : 0
  seen = now
}
require('node:fs').writeSync(2, JSON.stringify({ level: 'fatal', time: new Date().toISOString(),
  msg: 'the event loop has not turned for ' + looks * beatMs + ' ms; this process exits' })  + '\\n')
process.kill(pid, 'SIGKILL')
`
