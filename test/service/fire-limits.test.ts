import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../../src/ground/errors.ts'
import type { Delays } from '../../src/ground/delays.ts'
import { realChance } from '../../src/ground/chance.ts'
import { createFireLimits } from '../../src/run/fire-limits.ts'

/** Seconds of `Retry-After` of a fire that is refused while the run before it has waited for `waitMs`. */
async function retryOf(waitMs: number, fraction: number): Promise<number | null> {
  const delays: Delays = {
    now: () => 0,
    after(_ms, work) {
      setImmediate(work)
      return () => {}
    },
  }
  const limits = createFireLimits({
    ...{ queued: () => 0, queueMax: 10, tooLongWaitFor: () => waitMs, delays },
    chance: { ...realChance, fraction: () => fraction },
  })
  const refusal: unknown = await limits.hold('a')?.catch((error: unknown) => error)
  assert.ok(refusal instanceof AppError)
  return refusal.retryAfterS ?? null
}

test('a fire that is refused comes again in the time that those who wait now need, and never after more than half a minute', async () => {
  const spread = async (waitMs: number) => [await retryOf(waitMs, 0), await retryOf(waitMs, 0.999)]
  assert.deepEqual(await spread(600), [1, 2])
  assert.deepEqual(await spread(4_100), [3, 5])
  assert.deepEqual(await spread(15_000), [8, 15])
  assert.deepEqual(await spread(300_000), [15, 30])
})
