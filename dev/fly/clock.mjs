// Loaded into a machine's process before the program: a wall clock and a monotonic clock that stand still while the
// machine is suspended, as Fly's do. The file FLY_CLOCK holds two numbers: by how many milliseconds each is behind.
// Not covered: timers of the event loop count the real time of a suspension (it is a SIGSTOP, and short).
import { openSync, readSync } from 'node:fs'

const file = openSync(process.env.FLY_CLOCK, 'r')
const behind = new Float64Array(2)
const bytes = new Uint8Array(behind.buffer)

function lagMs(which) {
  readSync(file, bytes, 0, 16, 0)
  return behind[which]
}

const RealDate = Date
const realPerformanceNow = performance.now.bind(performance)
const realInstant = Temporal.Now.instant.bind(Temporal.Now)

globalThis.Date = class Date extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() - lagMs(0))
    else super(...args)
  }
  static now() {
    return RealDate.now() - lagMs(0)
  }
}
performance.now = () => realPerformanceNow() - lagMs(1)
Temporal.Now.instant = () => realInstant().subtract({ milliseconds: Math.round(lagMs(0)) })
