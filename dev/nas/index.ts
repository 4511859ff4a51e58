/** The door of the local NAS: a stand-in for the outside timer service, for tests and demonstrations. */
export type { FireAnswer } from './fire.ts'
export type { TokenOverrides } from './keys.ts'
export type { AnswerEntry, EventEntry, FireEntry, LogEntry, RequestEntry } from './log.ts'
export type { Limits } from './misbehave.ts'
export { type MisbehaviourName, misbehaviours } from './misbehaviours.ts'
export type { HeldArm, Nas, NasOptions } from './nas.ts'
export type { ListedArm } from './portal.ts'
export { startNas } from './start.ts'
