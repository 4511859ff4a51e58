/**
 * The relay without a host: decisions and routes. Web standards only (WebCrypto through jose), no `node:` import, so that
 * the same code runs in Node and in workerd. The local NAS (dev/nas) decides by it too.
 */
export { type AddressRules, createAddressRules, hostOf, refusedAddress } from './address.ts'
export type { Agent, Quota } from './agent.ts'
export { type Answer, type Ask, bearer, mostBytes, refusal } from './answer.ts'
export {
  type Arm,
  type ArmRequest,
  begun,
  isDue,
  isTaken,
  type FireOutcome,
  provisioned,
  readRetryAfterMs,
  type Settled,
  settled,
  usualRetryGapsMs,
} from './arm.ts'
export { type Common, createReader, type Environment, readCommon } from './environment.ts'
export { readInstant } from './instant.ts'
export { fireClaims, type SigningKey } from './keys.ts'
export { createRelay } from './relay.ts'
export { hashOf, newSecret, readToken } from './secret.ts'
export { type Call, createKeyring, createSender, type Keyring, type Post } from './sender.ts'
export { type Settings, usualFireTimeoutMs, usualHorizonMs, usualQuota } from './settings.ts'
export type { Armed, Changed, Store } from './store.ts'
