/** The door of the local NAS: a stand-in for the outside timer service, for tests and demonstrations. */
export type { TokenOverrides } from './tokens.ts'
export type { AnswerEntry } from './log.ts'
export { misbehaviours } from './misbehaviours.ts'
export type { ListedArm, Nas, NasOptions } from './nas.ts'
export { startNas } from './start.ts'
