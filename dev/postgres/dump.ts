import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { dumpSchema } from './schema-text.ts'
import { createTestDatabase } from '../../test/support/database.ts'

// Writes db/schema.sql: what the migrations make of an empty database.
const file = fileURLToPath(new URL('../../db/schema.sql', import.meta.url))
const database = await createTestDatabase()
try {
  await writeFile(file, await dumpSchema(database.sql))
} finally {
  await database.drop()
}
