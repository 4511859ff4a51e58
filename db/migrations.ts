import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'

export type Migration = {
  /** File name without `.sql`; migrations are applied in the order of their names. */
  name: string
  sql: string
  /** SHA-256 of the text, hex: an applied migration never changes. */
  hash: string
}

/** Every migration in `db/migrations`. The bundle has a copy of this list instead of this module. */
export const migrations: Migration[] = readMigrations(new URL('./migrations/', import.meta.url))

function readMigrations(folder: URL): Migration[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.sql'))
  return files.toSorted().map((file) => {
    const sql = readFileSync(new URL(file, folder), 'utf8')
    return { name: file.slice(0, -'.sql'.length), sql, hash: createHash('sha256').update(sql).digest('hex') }
  })
}
