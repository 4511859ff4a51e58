export {
  type AccessTokens,
  createStaticToken,
  createTokenThenLogin,
  expiryOf,
  type Session,
} from './access.ts'
export type { NasAnswer, NasCode, NasFailure } from './answer.ts'
export { type Armed, createNasClient, type NasClient, type Provision } from './client.ts'
export { createLogin, type Login } from './login.ts'
export type { LoginRow, LoginStore, Renewed } from './login-store.ts'
