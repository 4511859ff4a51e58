import type { Delays } from '../../src/ground/delays.ts'
import type { Clock } from './clock.ts'

/** A process as the world sees it: what belongs to it happens while it lives, later if it is frozen, never if it is dead. */
export type Process = {
  name: string
  isAlive(): boolean
  isFrozen(): boolean
  delays: Delays
  /** `work` of this process, `ms` from now. */
  after(ms: number, work: () => void): () => void
  kill(): void
  /** As SIGSTOP: its clock goes on, it does not. */
  freeze(ms: number): void
  onEnd(work: () => void): void
}

export function createProcess(clock: Clock, name: string): Process {
  let alive = true
  let thawsAt = 0
  const endings: (() => void)[] = []
  const startedAt = clock.now()

  function after(ms: number, work: () => void): () => void {
    let takeBack = clock.after(ms, attempt)
    function attempt() {
      if (!alive) return
      if (clock.now() < thawsAt) takeBack = clock.after(thawsAt - clock.now(), attempt)
      else work()
    }
    return () => takeBack()
  }

  return {
    name,
    isAlive: () => alive,
    isFrozen: () => clock.now() < thawsAt,
    delays: { now: () => clock.now() - startedAt, after },
    after,
    kill() {
      if (!alive) return
      alive = false
      for (const work of endings) work()
    },
    freeze(ms) {
      thawsAt = Math.max(thawsAt, clock.now() + ms)
    },
    onEnd: (work) => void endings.push(work),
  }
}
