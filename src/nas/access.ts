import type { NasAnswer } from './answer.ts'

/** Where access tokens come from. */
export type AccessTokens = {
  /** A token to use now. May take a refresh; bounded by its own deadline and by `signal`. */
  get(signal?: AbortSignal): Promise<NasAnswer<string>>
  /** NAS answered 401 to `token`: never hand it out again, if there is another way to one. */
  invalidate(token: string): void
}

/** One token for ever, as in NAS_ACCESS_TOKEN. */
export function createStaticToken(token: string): AccessTokens {
  return {
    get: () => Promise.resolve({ ok: true, value: token }),
    invalidate: () => undefined,
  }
}
