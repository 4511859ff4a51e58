export { type AccessTokens, createStaticToken } from './access.ts'
export type { NasAnswer, NasCode, NasFailure } from './answer.ts'
export { type Armed, createNasClient, type NasClient, type Provision } from './client.ts'
