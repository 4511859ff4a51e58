import type { ArmOrder } from '../../db/index.ts'
import { secondOf } from '../ground/instant.ts'

/** How far ahead NAS takes an arm at most, and how far ahead of now at least. */
export type FireAtLimits = { horizonMs: number; leadMs: number }

/** What to try after NAS refused an instant `aheadMs` from now: nearer if it was far, a little later if it was now. */
export function tighter(limits: FireAtLimits, aheadMs: number): FireAtLimits {
  const leastHorizonMs = 3_600_000
  if (aheadMs > leastHorizonMs)
    return { ...limits, horizonMs: Math.max(leastHorizonMs, Math.floor(aheadMs / 2)) }
  return { ...limits, leadMs: Math.min(Math.max(limits.leadMs * 2, 2_000), 120_000) }
}

/**
 * The instant to ask NAS for: the wake time, or the horizon if that is nearer, or now if it has passed. Never
 * one that was used lately, to the second (NAS may drop fractions): the late acknowledgement of an old one-shot
 * could delete the new one with it. If it would repeat, it moves by whole seconds: to earlier while that is ahead
 * (the wake time is never passed), to later once it is due.
 */
export function freshFireAt(
  order: Pick<ArmOrder, 'wakeAt' | 'recentArms' | 'armed' | 'now'>,
  limits: FireAtLimits,
): Date {
  const nowMs = order.now.getTime()
  const wantedMs = Math.min(order.wakeAt?.getTime() ?? nowMs, nowMs + limits.horizonMs)
  const arms = order.armed ? [order.armed.at, ...order.recentArms] : order.recentArms
  const used = new Set(arms.map(secondOf))
  const isUsed = (ms: number) => used.has(secondOf(new Date(ms)))
  let ms = Math.max(wantedMs, nowMs + limits.leadMs)
  while (isUsed(ms) && ms - 1000 > nowMs) ms -= 1000
  while (isUsed(ms)) ms += 1000
  return new Date(ms)
}
