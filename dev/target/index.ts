export type { BehaviourName } from './behaviours.ts'
export { startTarget, type Target, type TargetCall } from './start.ts'
