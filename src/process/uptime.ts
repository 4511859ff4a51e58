import type { Holds } from '../ground/holds.ts'
import type { Log } from '../ground/log.ts'
import type { Delays } from '../ground/delays.ts'

type UptimeNeeds = { maxUptimeMs: number; holds: Holds; delays: Delays; log: Log }

/**
 * Says so when this process has been up for `maxUptimeMs`, and again after each further period, with what
 * holds it. It ends nothing: a machine that stays up costs money, one that goes down at the wrong time costs a run.
 */
export function warnOfUptime({ maxUptimeMs, holds, delays, log }: UptimeNeeds): void {
  if (maxUptimeMs === 0) return
  const bootedAt = delays.now()
  const warn = () => {
    const upS = Math.round((delays.now() - bootedAt) / 1000)
    log.warn({ up_s: upS, holds: holds.byKind() }, 'this process has been up for longer than MAX_UPTIME')
    delays.after(maxUptimeMs, warn)
  }
  delays.after(maxUptimeMs, warn)
}
