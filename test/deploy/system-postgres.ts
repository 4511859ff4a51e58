import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { freePort } from '../../dev/free-port.ts'
import { commandAs, ownerFor } from '../../dev/postgres/owner.ts'
import { runToEnd, serve } from '../../dev/postgres/process.ts'

const folder = '/usr/lib/postgresql'

/** The programs of the newest PostgreSQL that Debian's packages have installed; null: there is none. */
export function systemPostgres(): string | null {
  const versions = existsSync(folder) ? readdirSync(folder).map(Number) : []
  const [bin] = versions.toSorted((a, b) => b - a).map((version) => join(folder, String(version), 'bin'))
  return bin && ['postgres', 'pg_dump'].every((name) => existsSync(join(bin, name))) ? bin : null
}

/** A server of these programs, with the superuser `chronos` and its password, gone with the test. */
export async function startSystemPostgres(context: TestContext, bin: string) {
  const base = await mkdtemp(join(tmpdir(), 'chronos-postgres-'))
  const owner = await ownerFor(base)
  const [data, passwordFile] = [join(base, 'data'), join(base, 'password')]
  const password = randomBytes(24).toString('base64url')
  await writeFile(passwordFile, password)
  for (const path of owner ? [base, passwordFile] : []) await chown(path, owner?.uid ?? 0, owner?.gid ?? 0)
  const flags = ['--username=chronos', '--auth=scram-sha-256', `--pwfile=${passwordFile}`, '--no-sync']
  await runToEnd(
    commandAs(owner, join(bin, 'initdb'), [...flags, '--encoding=UTF8', '--locale=C', `--pgdata=${data}`]),
  )
  const port = await freePort()
  const settings = ['listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories=', 'fsync=off']
  const server = await serve(
    commandAs(owner, join(bin, 'postgres'), ['-D', data, ...settings.flatMap((one) => ['-c', one])]),
    data,
    () => {},
  )
  context.after(async () => {
    await server.stop()
    await rm(base, { recursive: true })
  })
  return {
    urlOf: (database: string) => `postgres://chronos:${password}@127.0.0.1:${port}/${database}`,
    /** For a client that is told no URL, as one in the container of the server is not. */
    environment: { PGHOST: '127.0.0.1', PGPORT: String(port), PGPASSWORD: password },
  }
}
