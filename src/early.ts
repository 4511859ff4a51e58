import { createDatabase, type Database, readKeys, type StoredKeys } from '../db/index.ts'
import type { Config } from './ground/config.ts'

/** What a fire needs of Postgres whatever it is for. */
export type Early = {
  database: Database
  /** The signing keys of NAS, which are being read; undefined: they are not. */
  keys: Promise<StoredKeys> | undefined
}

type EarlyConfig = Pick<Config, 'nas'> & { databaseUrl: string }

export function openDatabase({ databaseUrl }: Pick<EarlyConfig, 'databaseUrl'>): Database {
  return createDatabase({ url: databaseUrl, max: 4 })
}

/**
 * Begun while the rest of the program is loaded: a connection takes four round trips and more (TCP, TLS, the password),
 * which a machine far from its database would otherwise wait for when everything else is ready.
 */
export function connectEarly(config: EarlyConfig): Early {
  const database = openDatabase(config)
  const keys = config.nas.portalUrl && config.nas.audience ? readKeys(database) : undefined
  // the verifier, which waits for them, is told
  keys?.catch(() => {})
  return { database, keys }
}
