import type { Registry } from './types.ts'

/**
 * A wake-up that has not come so long after its instant is lost, even if NAS confirmed it: the job does not count as armed,
 * and any process that is awake handles it instead of NAS.
 */
export const lateMs = 60_000

/**
 * Whether the wake-up of a job was lost: its instant has passed, and there was no fire, which would have moved it.
 * The instant that NAS holds may be a waypoint, long before the wake time.
 */
export function isWakeLost({ wakeAt, armedAt }: Pick<Registry, 'wakeAt' | 'armedAt'>, now: Date): boolean {
  if (wakeAt === null) return false
  const armed = armedAt !== null && armedAt < wakeAt ? armedAt : wakeAt
  return now.getTime() - armed.getTime() > lateMs
}
