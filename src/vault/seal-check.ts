import type { SecretStore } from '../../db/index.ts'
import { AppError } from '../ground/errors.ts'
import type { Log } from '../ground/log.ts'
import type { Seal } from './seal/index.ts'

/** `unset`: no key is given. `unknown`: not asked yet, or Postgres did not answer. */
export type SealState = 'unset' | 'unknown' | 'ok' | 'wrong'

export type SealCheck = {
  state(): SealState
  /** Asks Postgres once for each process. @throws AppError DATABASE_UNAVAILABLE */
  ask(): Promise<SealState>
  /** To be awaited before anything is sealed. @throws AppError ENCRYPTION_KEY_WRONG, DATABASE_UNAVAILABLE */
  expect(): Promise<void>
}

type SealCheckNeeds = {
  store: Pick<SecretStore, 'knownValue'>
  seal: Seal | null
  log: Pick<Log, 'error'>
}

/** Worthless in itself: what matters is who can open it. */
const context = 'known value'

export const knownValueOf = (seal: Seal) => seal.seal('chronos', context)

/**
 * Whether ENCRYPTION_KEY is the key of this database. A known value is sealed at first use and kept; a key that does not
 * open it is another one, with which nothing may be sealed: part of the secrets would be lost whichever key comes next.
 */
export function createSealCheck({ store, seal, log }: SealCheckNeeds): SealCheck {
  let state: SealState = seal ? 'unknown' : 'unset'

  async function ask(): Promise<SealState> {
    if (!seal || state !== 'unknown') return state
    const { sealed, isForeign } = await store.knownValue(knownValueOf(seal), seal.keyIds)
    state = isForeign || (sealed !== null && !opens(seal, sealed)) ? 'wrong' : 'ok'
    if (state === 'wrong') log.error({ code: 'ENCRYPTION_KEY_WRONG', key: seal.keyId }, wrongKey)
    return state
  }

  return {
    state: () => state,
    ask,
    async expect() {
      if ((await ask()) === 'wrong') throw new AppError('ENCRYPTION_KEY_WRONG', wrongKey)
    },
  }
}

/** For people: the problem and the remedy. */
export const wrongKey =
  'ENCRYPTION_KEY is not the key that this database was sealed with. Set it to that key, or name that key in ENCRYPTION_KEYS_OLD.'

function opens({ open }: Seal, sealed: string): boolean {
  try {
    return open(sealed, context) !== ''
  } catch (error) {
    if (error instanceof AppError && error.code === 'SECRET_UNREADABLE') return false
    throw error
  }
}
