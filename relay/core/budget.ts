/** `level` of `atMs`: how many calls may be made at once; it fills by `perMinute` a minute, up to that number. */
type Bucket = { level: number; atMs: number }

export type Budgets = ReturnType<typeof createBudgets>

/** How many provisions a minute each agent may make. Kept in memory: a restart fills every bucket. */
export function createBudgets() {
  const buckets = new Map<string, Bucket>()
  return {
    /** Takes one; the answer is 0, or the seconds until there is one again. */
    take(agentId: string, perMinute: number, nowMs: number): number {
      const { level, atMs } = buckets.get(agentId) ?? { level: perMinute, atMs: nowMs }
      const filled = Math.min(perMinute, level + (Math.max(0, nowMs - atMs) * perMinute) / 60_000)
      const isThere = filled >= 1
      buckets.set(agentId, { level: isThere ? filled - 1 : filled, atMs: nowMs })
      return isThere ? 0 : Math.max(1, Math.ceil(((1 - filled) * 60) / perMinute))
    },
    forget: (agentId: string) => void buckets.delete(agentId),
  }
}
