export { type CallCode, failure, mayBeHeld, type TimerAnswer, type TimerFailure } from './answer.ts'
export type { BodyReader } from './body.ts'
export { errorOf, failureOf, isPage, type Reply, send } from './call.ts'
export type {
  Armed,
  FireVerifier,
  Session,
  Timer,
  TimerClient,
  TimerNeeds,
  VerifiedFire,
} from './timer.ts'
