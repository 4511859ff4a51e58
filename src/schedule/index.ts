/** When a job is due: reading the text of a person, and counting the instants that it names. No clock is read here. */
import type { parseSchedule } from './parse.ts'
import type { Schedule } from './slots.ts'

export { type ClockChange, clockChangesIn } from './clock-changes.ts'
export { explain } from './explain.ts'
export { type ScheduleForm, textOfSchedule } from './forms.ts'
export { readNamedZone } from './named-zone.ts'
export {
  catchUpGraceMs,
  countSlots,
  latestSlot,
  nextSlot,
  type Rule,
  type Schedule,
  slotsIn,
  typicalPeriodMs,
} from './slots.ts'
export { nextWithTransitions, type UpcomingSlot } from './upcoming.ts'
export { readSteps } from './steps.ts'

/** Reads the text of a person (parse.ts). Loaded at its first use: no fire reads a text. */
export async function readSchedule(...[text, context]: Parameters<typeof parseSchedule>): Promise<Schedule> {
  const { parseSchedule } = await import('./parse.ts')
  return parseSchedule(text, context)
}
