import assert from 'node:assert/strict'

/**
 * Limits of time are set for a machine at rest. What others do on it makes the same work take longer, so a limit that was
 * passed is stretched as far as a known piece of work takes longer at that moment. What grows faster than it should
 * passes it all the same.
 */
const atRest = { processorMs: 60, wallMs: 60 }
const yard = JSON.stringify(
  Array.from({ length: 20_000 }, (_, index) => ({ id: index, name: `name ${index}` })),
)

/** Fails if `tookMs` of the wall's clock are more than `limitMs` at rest. */
export function assertTook(tookMs: number, limitMs: number, what = 'it'): void {
  const stretched = tookMs < limitMs ? limitMs : limitMs * slowness().wall
  assert.ok(tookMs < stretched, `${what} took ${tookMs} ms, in place of ${stretched}`)
}

/** Fails if `costMs` of processor time are more than `limitMs` at rest. */
export function assertCost(costMs: number, limitMs: number, what = 'it'): void {
  const stretched = costMs < limitMs ? limitMs : limitMs * slowness().processor
  assert.ok(costMs < stretched, `${what} cost ${costMs} ms of processor time, in place of ${stretched}`)
}

/** Milliseconds of processor time of this process, all its threads, while `work` was under way. */
export async function processorMs(work: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

/** How many times longer than at rest a known piece of work takes now; 1 if it is faster. */
function slowness() {
  const before = process.threadCpuUsage()
  const startedAt = performance.now()
  for (let times = 0; times < 10; times++) JSON.stringify(JSON.parse(yard))
  const { user, system } = process.threadCpuUsage(before)
  return {
    wall: Math.max(1, (performance.now() - startedAt) / atRest.wallMs),
    processor: Math.max(1, (user + system) / 1_000 / atRest.processorMs),
  }
}
