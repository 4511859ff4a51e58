/** When a job is due: reading the text of a person, and counting the instants that it names. No clock is read here. */
export { type ClockChange, clockChangesIn } from './clock-changes.ts'
export { explain } from './explain.ts'
export { readNamedZone } from './named-zone.ts'
export { parseSchedule } from './parse.ts'
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
