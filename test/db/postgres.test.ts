import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import postgres from 'postgres'
import { startPostgres } from '../../dev/postgres/index.ts'
import { until } from '../support/until.ts'

// mkdtemp makes it 0700: no one but us can pass, and the server (as root: another user) must all the same.
const folder = await mkdtemp(join(tmpdir(), 'chronos-postgres-'))
const dataDir = join(folder, 'deep', 'er', 'data')
after(() => rm(folder, { recursive: true }))

async function query(url: string, text: string): Promise<postgres.RowList<postgres.Row[]>> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return await sql.unsafe(text)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

async function serverPid(): Promise<number> {
  return Number((await readFile(join(dataDir, 'postmaster.pid'), 'utf8')).split('\n')[0])
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('a directory is initialised once, and keeps its data from start to start', async () => {
  const first = await startPostgres({ dataDir })
  await query(first.url, 'create table kept as select 42 as answer')
  await first.stop()
  const second = await startPostgres({ dataDir })
  assert.deepEqual([...(await query(second.url, 'select answer from kept'))], [{ answer: 42 }])
  await second.stop()
})

test('without the password nobody gets in, and only loopback is listened on', async () => {
  const server = await startPostgres({ dataDir })
  const url = new URL(server.url)
  url.password = ''
  await assert.rejects(query(url.href, 'select 1'))
  assert.deepEqual(
    [...(await query(server.url, 'show listen_addresses'))],
    [{ listen_addresses: '127.0.0.1' }],
  )
  await server.stop()
})

test('a second start in the same directory is refused, naming the process that has it', async () => {
  const server = await startPostgres({ dataDir })
  const pid = await serverPid()
  await assert.rejects(startPostgres({ dataDir }), new RegExp(`already served by process ${pid}; stop it`))
  await server.stop()
})

test('a server that was killed leaves its lock file, and the next start recovers', async () => {
  const server = await startPostgres({ dataDir })
  process.kill(await serverPid(), 'SIGKILL')
  const next = await startPostgres({ dataDir })
  assert.deepEqual([...(await query(next.url, 'select answer from kept'))], [{ answer: 42 }])
  await next.stop()
  await server.stop()
})

test('a lock file whose pid has become another process is no obstacle', async () => {
  const server = await startPostgres({ dataDir })
  await server.stop()
  await writeFile(join(dataDir, 'postmaster.pid'), `${process.ppid}\n${dataDir}\n`)
  const next = await startPostgres({ dataDir })
  await next.stop()
})

test('when its starter is killed the server goes too, and a start straight afterwards waits for that', async () => {
  const index = new URL('../../dev/postgres/index.ts', import.meta.url)
  const program = `
    import { startPostgres } from ${JSON.stringify(index)}
    await startPostgres({ dataDir: ${JSON.stringify(dataDir)} })
    console.log('up')
    setInterval(() => {}, 1000)`
  const starter = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(starter.stdout, 'data')
  const pid = await serverPid()
  starter.kill('SIGKILL')
  const next = await startPostgres({ dataDir })
  assert.notEqual(await serverPid(), pid)
  await next.stop()
  await until('the first server is gone', () => !isAlive(pid))
})

test('a directory that cannot be made is refused with the reason', async () => {
  const file = join(folder, 'file')
  await writeFile(file, '')
  await assert.rejects(
    startPostgres({ dataDir: join(file, 'data') }),
    /cannot hold the database: ENOTDIR; give a directory/,
  )
})
