/** A clock that stands still until it is moved, and what is planned on it. Epoch milliseconds. */
export type VirtualTime = {
  now(): number
  /** Calls `work` once, `ms` from now; the returned function takes that back. */
  after(ms: number, work: () => void): () => void
  /** The earliest instant that something is planned for; infinite where nothing is. */
  next(): number
  /** Moves on and begins, in order, what is planned up to then. Waits for nothing. */
  moveTo(instantMs: number): void
}

export function createTime(startMs: number): VirtualTime {
  type Plan = { atMs: number; seq: number; work: () => void }
  const plans = new Set<Plan>()
  let nowMs = startMs
  let seq = 0
  const first = () =>
    [...plans].reduce<Plan | null>(
      (least, plan) =>
        least && (least.atMs < plan.atMs || (least.atMs === plan.atMs && least.seq < plan.seq))
          ? least
          : plan,
      null,
    )

  return {
    now: () => nowMs,
    after(ms, work) {
      const plan = { atMs: nowMs + Math.max(0, ms), seq: seq++, work }
      plans.add(plan)
      return () => void plans.delete(plan)
    },
    next: () => first()?.atMs ?? Number.POSITIVE_INFINITY,
    moveTo(instantMs) {
      for (let plan = first(); plan && plan.atMs <= instantMs; plan = first()) {
        plans.delete(plan)
        nowMs = Math.max(nowMs, plan.atMs)
        plan.work()
      }
      nowMs = Math.max(nowMs, instantMs)
    },
  }
}
