/**
 * The relay without a host: decisions and routes. Web standards only (WebCrypto through jose), no `node:` import, so that
 * the same code runs in Node, in workerd, and in the local NAS (dev/nas).
 */
export { type AddressRules, createAddressRules, hostOf, refusedAddress } from './address.ts'
export {
  type Agent,
  isAgentId,
  newAgentToken,
  newLogin,
  prepareRefresh,
  type Quota,
  withoutLogin,
  withToken,
} from './agent.ts'
export { type Answer, type Ask, bearer, json, mostBytes, refusal } from './answer.ts'
export {
  type Arm,
  type ArmRequest,
  begun,
  isDue,
  isTaken,
  type FireOutcome,
  provisioned,
  type Settled,
  settled,
  usualRetryGapsMs,
} from './arm.ts'
export { type Common, createReader, type Environment, readCommon } from './environment.ts'
export { readInstant } from './instant.ts'
export { jwksMaxAgeS, type SigningKey } from './keys.ts'
export { createRelay } from './relay.ts'
export { hashOf, newSecret, readToken } from './secret.ts'
export {
  type Call,
  createFireToken,
  createKeyring,
  createSender,
  type FireToken,
  type Keyring,
  type Post,
} from './sender.ts'
export { type Settings, usualFireTimeoutMs, usualHorizonMs, usualQuota } from './settings.ts'
export type { Armed, Changed, Store } from './store.ts'
