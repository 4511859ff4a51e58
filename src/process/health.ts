import { type Decision, jitterMs, noPlace } from '../decisions/index.ts'
import type { Delays } from '../ground/delays.ts'
import type { Log } from '../ground/log.ts'
import type { HeldRun } from '../run/leases.ts'
import { type Facts, healthOf, type Health, judge, type Reason } from './judge.ts'

/** What this process has seen lately, in memory: what it says about the health of the service. */
export type Watch = {
  /** A decision was written. */
  decided(decision: Decision): void
  /** An attempt begins. */
  began(run: HeldRun): void
  /** Something has ended: a good moment to look. Nothing waits for it. */
  look(): void
  /** As it is now, by this process alone. */
  reasons(): Reason[]
}

type WatchNeeds = {
  /** What is failing now, as far as this process knows. */
  now: () => Pick<Facts, 'wait' | 'timer' | 'keys'>
  /** Told when the reasons are others than at the look before (`isNew`), and each minute while there are any. */
  found: (found: { health: Health; reasons: Reason[]; isNew: boolean }) => void
  delays: Delays
}

/** What is older counts no longer. */
const windowMs = 600_000
/** Of the starts, so many at most, the newest. */
const startsMax = 500
const lookEveryMs = 5_000
const tellEveryMs = 60_000
const lastingMs = 30_000

type Minute = { at: number; skipped: number; delivered: number; failed: number }

export function createWatch({ now, found, delays }: WatchNeeds): Watch {
  let minutes: Minute[] = []
  let starts: { at: number; lateMs: number }[] = []
  let next = 0
  let lookedAt = Number.NEGATIVE_INFINITY
  let told = { codes: '', at: 0 }
  /** Since when a look has found it so. */
  const failing: Record<'timer' | 'keys', number | null> = { timer: null, keys: null }

  function minute(): Minute {
    const at = Math.floor(delays.now() / 60_000)
    const newest = minutes.at(-1)
    if (newest?.at === at) return newest
    const made = { at, skipped: 0, delivered: 0, failed: 0 }
    minutes = [...minutes.filter((one) => one.at > at - windowMs / 60_000), made]
    return made
  }

  /** What is told already can wait for its turn; the process may be gone before that comes. */
  function count(name: 'skipped' | 'failed', code: Reason['code']) {
    minute()[name] += 1
    if (!told.codes.includes(code)) lookedAt = Number.NEGATIVE_INFINITY
  }

  function reasons(): Reason[] {
    const since = delays.now() - windowMs
    const recent = minutes.filter(({ at }) => at * 60_000 > since - 60_000)
    const sum = (name: 'skipped' | 'delivered' | 'failed') =>
      recent.reduce((total, one) => total + one[name], 0)
    starts = starts.filter(({ at }) => at > since)
    const lateMs = starts.map(({ lateMs: ms }) => ms).toSorted((a, b) => a - b)
    const { wait, timer, keys } = now()
    return judge({
      wait,
      timer: lasting('timer', timer),
      keys: lasting('keys', keys),
      skipped: sum('skipped'),
      deliveries: { delivered: sum('delivered'), failed: sum('failed') },
      starts: { count: lateMs.length, p99LateMs: lateMs[Math.ceil(lateMs.length * 0.99) - 1] ?? 0 },
    })
  }

  /** One call that fails and is repeated is no news. */
  function lasting<T>(name: 'timer' | 'keys', failure: T | null): T | null {
    if (failure === null) failing[name] = null
    else failing[name] ??= delays.now()
    return failing[name] !== null && delays.now() - failing[name] >= lastingMs ? failure : null
  }

  return {
    reasons,
    decided({ runs, deliveries }) {
      for (const { reason } of runs) if (reason === noPlace) count('skipped', 'SLOTS_SKIPPED')
      for (const { state } of deliveries) {
        if (state === 'delivered') minute().delivered += 1
        if (state === 'failed') count('failed', 'DELIVERIES_FAILING')
      }
    },
    began({ write, look, heardAt }) {
      if (!write.slot || write.attempt !== 1) return
      const { view } = look
      const dueMs = write.slot.getTime() + jitterMs(view.job)
      const lateMs = Math.max(0, view.now.getTime() + (delays.now() - heardAt) - dueMs)
      // the newest ones in place of the oldest
      starts[next] = { at: delays.now(), lateMs }
      next = (next + 1) % startsMax
    },
    look() {
      const at = delays.now()
      if (at - lookedAt < lookEveryMs) return
      lookedAt = at
      const all = reasons()
      const codes = all.map(({ code, health }) => `${code} ${health}`).join(', ')
      const isNew = codes !== told.codes
      if (!isNew && (codes === '' || at - told.at < tellEveryMs)) return
      told = { codes, at }
      found({ health: healthOf(all), reasons: all, isNew })
    },
  }
}

/** One line at each change. */
export function logHealth(log: Log, { health, reasons }: { health: Health; reasons: Reason[] }): void {
  if (health === 'ok') return log.info({ health }, 'the service is healthy again')
  log.warn(
    { health, reasons: reasons.map(({ code, message }) => `${code}: ${message}`) },
    'the health of the service has changed',
  )
}
