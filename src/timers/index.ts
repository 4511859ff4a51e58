export { type CallCode, failure, mayBeHeld, type TimerAnswer, type TimerFailure } from './answer.ts'
export type { BodyReader } from './body.ts'
export { createLazyTimer } from './lazy.ts'
export { createRefusal } from './refusal.ts'
export { createStandaloneCalls } from './standalone.ts'
export { errorOf, failureOf, isPage, openConnection, type Reply, send } from './call.ts'
export type {
  Armed,
  ArmWish,
  FireVerifier,
  Query,
  Session,
  TimerCalls,
  TimerClient,
  TimerLimits,
  TimerNeeds,
  VerifiedFire,
} from './timer.ts'
