/** Postgres, the only truth. The door: nothing outside of this folder imports past it. */
export type { ArmResult, RegistryRow, TakenArm } from './arms.ts'
export { createDatabase, type Database, type DatabaseOptions } from './client.ts'
export type { ArmEntry, Counts } from './counts.ts'
export { DatabaseUnavailable } from './errors.ts'
export type { FoldedSlots, SlotRun } from './ledger.ts'
export {
  type Authored,
  type Look,
  type RegistryDetail,
  ruleOf,
  type StoredSchedule,
  storeSchedule,
} from './rows.ts'
export type { Held } from './runs.ts'
export { createStore, type Store } from './store.ts'
export type { ArmOrder, Writing, Written } from './transition.ts'
