import type { OwedCounts } from '../../db/index.ts'
import type { Delays } from '../ground/delays.ts'
import type { Log } from '../ground/log.ts'
import { type Facts, healthOf, type Health, judge, judgeCounts, type Reason } from './judge.ts'
import type { Signs } from './signs.ts'

/** The health of the service, as far as this process sees it. */
export type Watch = {
  /** Something has ended: a good moment to look. Nothing waits for it. */
  look(): void
  /** As it is now, by this process alone. */
  reasons(): Reason[]
  /** The process goes down. */
  stop(): void
}

type WatchNeeds = {
  signs: Pick<Signs, 'news' | 'recent'>
  /** What is failing now, as far as this process knows. */
  now: () => Pick<Facts, 'wait' | 'timer' | 'keys'>
  /** What only Postgres knows. Asked once a minute at most, and never in the first minute. */
  owed: () => Promise<OwedCounts>
  /** Something keeps the process up, and may be at it for long. */
  isHeld: () => boolean
  /** Told when the reasons are others than at the look before (`isNew`), and each minute while there are any. */
  found: (found: { health: Health; reasons: Reason[]; isNew: boolean }) => void
  delays: Delays
}

const lookEveryMs = 5_000
const tellEveryMs = 60_000
const lastingMs = 30_000
const askEveryMs = 60_000

export function createWatch({ signs, now, owed, isHeld, found, delays }: WatchNeeds): Watch {
  let lookedAt = Number.NEGATIVE_INFINITY
  let told = { codes: '', at: 0 }
  let askedAt = delays.now()
  let counted: Reason[] = []
  let cancelNext: (() => void) | null = null
  let isStopped = false
  /** Since when a look has found it so. */
  const failing: Record<'timer' | 'keys', number | null> = { timer: null, keys: null }

  function reasons(): Reason[] {
    const { wait, timer, keys } = now()
    return judge({
      ...signs.recent(),
      ...{ wait, timer: lasting('timer', timer), keys: lasting('keys', keys) },
    })
  }

  /** One call that fails and is repeated is no news. */
  function lasting<T>(name: 'timer' | 'keys', failure: T | null): T | null {
    if (failure === null) failing[name] = null
    else failing[name] ??= delays.now()
    return failing[name] !== null && delays.now() - failing[name] >= lastingMs ? failure : null
  }

  /** What holds the process may take long without an end of anything, such as an arm that is tried again and again. */
  function lookAgain() {
    if (isStopped || cancelNext || !isHeld()) return
    cancelNext = delays.after(askEveryMs, () => {
      cancelNext = null
      look()
    })
  }

  async function ask() {
    const counts = await owed().catch(() => null)
    if (!counts || isStopped) return
    counted = judgeCounts(counts, { isKeyWrong: false })
    tell(delays.now())
  }

  function tell(at: number) {
    lookedAt = at
    const own = reasons()
    const all = [...own, ...counted.filter(({ code }) => own.every((reason) => reason.code !== code))]
    const codes = all.map(({ code, health }) => `${code} ${health}`).join(', ')
    const isNew = codes !== told.codes
    if (!isNew && (codes === '' || at - told.at < tellEveryMs)) return
    told = { codes, at }
    found({ health: healthOf(all), reasons: all, isNew })
  }

  function look() {
    const at = delays.now()
    lookAgain()
    if (at - askedAt >= askEveryMs) {
      askedAt = at
      void ask()
    }
    // what is told already can wait for its turn; the process may be gone before that comes
    const isUrgent = signs.news().some((code) => !told.codes.includes(code))
    if (at - lookedAt >= lookEveryMs || isUrgent) tell(at)
  }

  return {
    ...{ look, reasons },
    stop() {
      isStopped = true
      cancelNext?.()
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
