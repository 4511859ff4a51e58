import type { View } from './types.ts'

/** The verdict of a slot that passes while its project is paused, or everything is. */
export const slotOfProjectPause = { verdict: 'skipped', reason: 'paused: the project was paused' } as const

export function isProjectPaused({ project }: View): boolean {
  return project !== null && project.pausedAt !== null
}

/** Slots up to this instant that no process took belong to a pause of the project; null: none does. */
export function pausedUntil({ project, now }: View): Date | null {
  if (!project) return null
  if (project.pausedAt) return now
  return project.resumedAt && project.resumedAt < now ? project.resumedAt : project.resumedAt && now
}

/** How many new runs the project may begin in this minute. */
export function runsLeft({ project }: View): number {
  return project?.runsLeft ?? Number.POSITIVE_INFINITY
}

const minuteMs = 60_000

/** When a new run may begin that is due at `due`: not before the next minute, if this one is used up. */
export function beginsAt(view: View, due: Date): Date {
  if (runsLeft(view) > 0) return due
  const nextMinute = new Date((Math.floor(view.now.getTime() / minuteMs) + 1) * minuteMs)
  return due < nextMinute ? nextMinute : due
}
