// Loaded into the service before itself (`--require`): tells on file descriptor 3 of every turn of the event loop that
// took long. Nothing of the service is changed for it.
//
// `wallMs` is how late a timer of 10 ms was, `cpuMs` how much processor time the main thread used meanwhile. On a busy
// machine a turn is late because the processor was elsewhere; what the service itself has blocked is the smaller one.
const { writeSync } = require('node:fs')
const { isMainThread } = require('node:worker_threads')

const tickMs = 10
const worthTellingMs = 50

if (isMainThread) {
  let at = performance.now()
  let used = process.threadCpuUsage()
  setInterval(() => {
    const now = performance.now()
    const { user, system } = process.threadCpuUsage(used)
    const wallMs = now - at - tickMs
    if (wallMs > worthTellingMs) tell({ endedAt: Date.now(), wallMs, cpuMs: (user + system) / 1000 })
    at = now
    used = process.threadCpuUsage()
  }, tickMs).unref()
}

function tell(turn) {
  try {
    writeSync(3, `${JSON.stringify(turn)}\n`)
  } catch (error) {
    // nobody reads fast enough: such a turn is told of by those that follow
    if (error.code !== 'EAGAIN') throw error
  }
}
