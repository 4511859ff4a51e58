export type { Behaviour, BehaviourName } from './behaviours.ts'
export { startTarget, type Target, type TargetCall, type TargetOptions } from './start.ts'
