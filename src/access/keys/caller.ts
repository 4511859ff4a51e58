import { AppError } from '../../ground/errors.ts'
import type { Scope } from './scopes.ts'

/** Who calls, as a key says it. `id` is that of the key; the key in the environment has none and is named `API_KEY`. */
export type Caller = {
  id: string
  scopes: readonly Scope[]
  /** The only project that the key sees; null: it sees all. */
  project: string | null
}

/** The key of a session. `livesMs`: until it expires; null: it does not. */
export type Holder = Caller & { name: string; livesMs: number | null }

export const first: Caller = { id: 'API_KEY', scopes: ['admin'], project: null }

export function rejected(what: string): AppError {
  return new AppError('API_KEY_REJECTED', `${what}. Send the header "Authorization: Bearer <API key>".`)
}
