import type { Delays } from '../ground/delays.ts'
import type { HoldKind, Holds } from '../ground/holds.ts'

/** Why this process is up, and when it goes down by itself. */
export type Stay = {
  /** To be told by the part that lets the process go: when that is, on the clock of `delays`; null: never. */
  plan(endsAt: () => number | null): void
  /** Null: something holds it, or it never goes by itself. 0: any moment. */
  goesDownInMs(): number | null
  report(): { because: string[]; goes_down_at: string | null }
}

type StayNeeds = { idleExitMs: number; holds: Pick<Holds, 'byKind'>; delays: Delays }

const sentences: Record<Exclude<HoldKind, 'page' | 'request'>, string> = {
  boot: 'it has just started',
  run: 'runs are under way or wait for a place',
  delivery: 'deliveries are under way',
  arm: 'the timer service has not confirmed a wake-up',
  ticker: 'it is its own timer',
  timer: 'a wake time is near',
  reconcile: 'what the timer service holds is compared',
  login: 'a new login is being stored',
  drain: 'it is going down',
}

export function createStay({ idleExitMs, holds, delays }: StayNeeds): Stay {
  let endsAt: () => number | null = () => null

  /** Calls hold for as long as they take, the one that asks among them: they are no reason that a person looks for. */
  function reasons(): string[] {
    const kinds = Object.keys(holds.byKind()) as HoldKind[]
    return kinds.flatMap((kind) => (kind === 'page' || kind === 'request' ? [] : [sentences[kind]]))
  }

  function goesDownInMs() {
    const at = endsAt()
    return at === null || reasons().length > 0 ? null : Math.max(0, at - delays.now())
  }

  return {
    plan(given) {
      endsAt = given
    },
    goesDownInMs,
    report() {
      const ms = goesDownInMs()
      const because = idleExitMs === 0 ? ['IDLE_EXIT_MS is 0: it stays up', ...reasons()] : reasons()
      const idle = because.length > 0 ? because : ['it was called a moment ago']
      return { because: idle, goes_down_at: ms === null ? null : new Date(Date.now() + ms).toISOString() }
    },
  }
}
