import { createChannelStore, createDatabase, migrate } from '../db/index.ts'
import { ConfigError, readDatabaseUrl } from './config.ts'
import { remindOfFailures } from './reminder.ts'

/**
 * Brings the database of DATABASE_URL up to date, and says if no channel hears of failures. Any number may run at once;
 * exit 0 when it is done.
 */
async function main(): Promise<void> {
  const database = createDatabase({ url: readDatabaseUrl(), max: 2 })
  const say = (line: string) => void process.stderr.write(`${line}\n`)
  try {
    const applied = await migrate(database, { log: say })
    process.stdout.write(applied.length > 0 ? `applied ${applied.join(', ')}\n` : 'nothing to apply\n')
    await remindOfFailures(createChannelStore(database), say)
  } finally {
    await database.close()
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(error instanceof ConfigError ? ConfigError.exitStatus : 1)
})
