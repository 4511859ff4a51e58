import { migrate } from '../db/index.ts'
import { ConfigError, readDatabaseUrl } from './config.ts'

/** Brings the database of DATABASE_URL up to date. Any number may run at once; exit 0 when it is done. */
async function main(): Promise<void> {
  const databaseUrl = readDatabaseUrl()
  const applied = await migrate(databaseUrl, { log: (line) => process.stderr.write(`${line}\n`) })
  process.stdout.write(applied.length > 0 ? `applied ${applied.join(', ')}\n` : 'nothing to apply\n')
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(error instanceof ConfigError ? ConfigError.exitStatus : 1)
})
