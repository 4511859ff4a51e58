import type { Batch } from '../../db/index.ts'
import type { Arming } from '../arming/arming.ts'
import { type Delays, within } from '../ground/delays.ts'
import { inParallel } from '../ground/parallel.ts'

export type ArmingOfFile = Pick<Arming, 'armChanged' | 'cancelOrphan'>

/** Jobs that are armed or cancelled at a time: a timer is far away, and its client has 64 connections. */
const atOnce = 48
/** How long a client waits for the timer, whatever the number of jobs. */
const armMs = 10_000
const cancelMs = 2_000

/** A batch, and of each job that it writes: its key, and whether its wake-up is to be confirmed before it is promised. */
export type Work = {
  batch: Batch
  ids: Map<string, string>
  armed: { key: string; id: string; isNeeded: boolean }[]
}

/** Makes the wake-ups of what was written sure, for all jobs together; the keys of those that are owed still, though they moved to earlier. */
export async function armAll(
  { armed, batch: { removes } }: Pick<Work, 'armed' | 'batch'>,
  { arming, delays }: { arming: ArmingOfFile; delays: Delays },
): Promise<string[]> {
  const endsAt = delays.now() + armMs
  const owed: string[] = []
  await inParallel(armed, atOnce, async ({ key, id, isNeeded }) => {
    const state = await arming.armChanged(id, { budgetMs: Math.max(0, endsAt - delays.now()) })
    if (state === 'owed' && isNeeded) owed.push(key)
  })
  await inParallel(removes, atOnce, ({ id }) =>
    within(delays, cancelMs, arming.cancelOrphan(id), undefined).then(() => {}),
  )
  return owed.toSorted()
}
