import { type Answer, call } from './http.ts'
import { secret } from './login.ts'

export type Row = {
  jobId: string
  fireAt: string
  callback: string
  dedupKey: string
  scheduleId: string
  /** Delivered with a 2xx, and kept all the same. */
  isDelivered: boolean
}

/**
 * What becomes of a row after a 2xx, which the contract leaves open: it stays; it is deleted if it is still the
 * one that was delivered; or whatever row the job has by then is deleted.
 */
export type Retention = 'keep' | 'delete' | 'delete_any'
export type Fire = { jobId: string; fireAt: string; at: number; answer?: Answer; error?: string }

const retryGapsMs = [300, 600, 1200, 2400, 5000]

/** The timer: at most one row per job, fired at its instant once `isRunning`, again until there is a 2xx. */
export function createRelay({ token }: { token: () => Promise<string> }) {
  const rows = new Map<string, Row>()
  const fires: Fire[] = []
  const timers = new Set<NodeJS.Timeout>()
  let stopped = false

  const relay = {
    rows,
    fires,
    isRunning: false,
    retention: 'keep' as Retention,
    /** How an instant is shown by the list and in a fire. */
    format: (instant: string) => instant,
    /** More bodies for one arm, instead of the usual one. */
    body: (row: Row): unknown => ({ job_id: row.jobId, fire_at: relay.format(row.fireAt) }),

    arm(wanted: Omit<Row, 'scheduleId' | 'isDelivered'>): Row {
      const held = rows.get(wanted.jobId)
      if (held && Date.parse(held.fireAt) === Date.parse(wanted.fireAt)) return held
      const row = { ...wanted, scheduleId: secret('sch'), isDelivered: false }
      rows.set(row.jobId, row)
      if (relay.isRunning) after(Date.parse(row.fireAt) - Date.now(), () => deliver(row, 0))
      return row
    },
    cancel: (jobId: string) => void rows.delete(jobId),
    list: () =>
      [...rows.values()].map((row) => ({
        job_id: row.jobId,
        fire_at: relay.format(row.fireAt),
        schedule_id: row.scheduleId,
      })),

    /** A fire of this row now, as the timer would make it; a 2xx has the consequences that `retention` says. */
    async fireNow(row: Row): Promise<Answer> {
      const fire: Fire = { jobId: row.jobId, fireAt: row.fireAt, at: Date.now() }
      fires.push(fire)
      try {
        const headers = { Authorization: `Bearer ${await token()}` }
        const url = `${row.callback}/api/cron/fire`
        const answer = await call('POST', url, { headers, json: relay.body(row) })
        fire.answer = answer
        if (answer.status >= 200 && answer.status < 300) forget(row)
        return answer
      } catch (error) {
        fire.error = String(error)
        throw error
      }
    },
    reset(): void {
      Object.assign(relay, {
        isRunning: false,
        retention: 'keep',
        format: (instant: string) => instant,
        body: (row: Row) => ({ job_id: row.jobId, fire_at: relay.format(row.fireAt) }),
      })
    },
    stop(): void {
      stopped = true
      for (const timer of timers) clearTimeout(timer)
    },
  }

  async function deliver(row: Row, tries: number): Promise<void> {
    if (rows.get(row.jobId) !== row) return
    const status = await relay.fireNow(row).then(
      (answer) => answer.status,
      () => 0,
    )
    const gap = retryGapsMs[tries]
    if ((status < 200 || status > 299) && gap !== undefined) after(gap, () => deliver(row, tries + 1))
  }

  function forget(row: Row): void {
    row.isDelivered = true
    if (relay.retention === 'delete_any') rows.delete(row.jobId)
    if (relay.retention === 'delete' && rows.get(row.jobId) === row) rows.delete(row.jobId)
  }

  function after(ms: number, work: () => Promise<void>): void {
    if (stopped) return
    const timer = setTimeout(
      () => {
        timers.delete(timer)
        void work()
      },
      Math.max(0, Math.min(ms, 2 ** 31 - 1)),
    )
    timers.add(timer)
  }
  return relay
}
