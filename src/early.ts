import { createDatabase, type Database, readKeys, type StoredKeys } from '../db/index.ts'
import { type Ahead, readKeysAnswer } from '../db/login/index.ts'
import { type Config, verifiesNas } from './ground/config.ts'

/** What a fire needs of Postgres whatever it is for. */
export type Early = {
  database: Database
  /** The signing keys of NAS, which are being read; undefined: they are not. */
  keys: Promise<StoredKeys> | undefined
  /** Whether the login that was sent ahead was taken; null: none was sent. */
  isAhead: Promise<boolean | null>
}

type EarlyConfig = Pick<Config, 'nas'> & { databaseUrl: string }

export function openDatabase({ databaseUrl }: Pick<EarlyConfig, 'databaseUrl'>, ahead?: Ahead): Database {
  return createDatabase({ url: databaseUrl, max: 4, ahead })
}

/**
 * Begun while the rest of the program is loaded: a connection takes four round trips and more (TCP, TLS, the password),
 * which a machine far from its database would otherwise wait for when everything else is ready. `ahead`: it has been begun.
 */
export function connectEarly(config: EarlyConfig, ahead: Ahead | null): Early {
  const database = openDatabase(config, ahead ?? undefined)
  const isAhead = ahead ? ahead.loggedIn.then((loggedIn) => loggedIn !== null) : Promise.resolve(null)
  if (!verifiesNas(config)) return { database, keys: undefined, isAhead }
  const keys = ahead ? keysFrom(ahead, database) : readKeys(database)
  // the verifier, which waits for them, is told
  keys.catch(() => {})
  return { database, keys, isAhead }
}

async function keysFrom({ loggedIn }: Ahead, database: Database): Promise<StoredKeys> {
  const rows = (await loggedIn)?.rows
  return rows ? readKeysAnswer(rows) : readKeys(database)
}
