import {
  createChannelStore,
  createDatabase,
  createSecretStore,
  migrate,
  type SecretStore,
} from '../db/index.ts'
import { type Config, ConfigError, readMigrationConfig } from './ground/config.ts'
import { remindOfFailures } from './delivery/reminder.ts'
import { createSeal } from './vault/seal/index.ts'
import { createSealCheck, wrongKey } from './vault/seal-check.ts'

/**
 * Brings the database of DATABASE_URL up to date, and says if no channel hears of failures. Any number may run at once;
 * exit 0 when it is done, 78 if ENCRYPTION_KEY is not that of the database: a deploy ends here, before it replaces anything.
 */
async function main(): Promise<void> {
  const config = readMigrationConfig()
  const database = createDatabase({ url: config.databaseUrl, max: 2 })
  const say = (line: string) => void process.stderr.write(`${line}\n`)
  try {
    const applied = await migrate(database, { log: say, deadlineMs: longestMs })
    process.stdout.write(applied.length > 0 ? `applied ${applied.join(', ')}\n` : 'nothing to apply\n')
    await refuseWrongKey(config, createSecretStore(database))
    await remindOfFailures(createChannelStore(database), say)
  } finally {
    await database.close()
  }
}

/** Of tens of millions of runs, on a machine that is slow: an index of each takes minutes. */
const longestMs = 3_600_000

async function refuseWrongKey(
  { encryptionKey, encryptionKeysOld }: Pick<Config, 'encryptionKey' | 'encryptionKeysOld'>,
  store: SecretStore,
): Promise<void> {
  const seal = encryptionKey && createSeal(encryptionKey, encryptionKeysOld)
  const check = createSealCheck({ store, seal, log: { error: () => {} } })
  if ((await check.ask()) === 'wrong') throw new ConfigError(wrongKey)
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(error instanceof ConfigError ? ConfigError.exitStatus : 1)
})
