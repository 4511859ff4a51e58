import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { migrations } from '../../db/migrations.ts'
import { bundle, eagerPackages } from '../../dev/build/bundle.ts'
import { sharedBuild } from '../support/build.ts'

const entry = 'test/check/fixture/server.ts'
let folder: string
let eager: string[]

before(async () => {
  const out = await mkdtemp(join(tmpdir(), 'chronos-build-'))
  folder = await mkdtemp(join(tmpdir(), 'chronos-alone-'))
  eager = eagerPackages(await bundle([entry], out), entry)
  await copyFile(join(out, 'server.js'), join(folder, 'server.js'))
  await rm(out, { recursive: true })
})
after(() => rm(folder, { recursive: true }))

test('the bundle runs alone in an empty folder, with its migrations, and evaluates late what is asked for late', async () => {
  assert.deepEqual(await readdir(folder), ['server.js'])
  const server = spawn(process.execPath, ['server.js'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(server, 'exit')
  const line = String(await once(createInterface(server.stdout), 'line'))
  const [address] = /http:\S+\d/.exec(line) ?? assert.fail(`no address in ${line}`)
  const answer: unknown = await (await fetch(address)).json()
  assert.deepEqual(answer, {
    migrations: migrations.map(({ name }) => name),
    lazyBefore: false,
    lazyAfter: true,
    drizzle: true,
    jose: 'function',
    functionName: 'main',
    dev: 'MODULE_NOT_FOUND',
  })
  server.kill('SIGTERM')
  assert.deepEqual(await ended, [0, null])
})

test('a package counts as loaded at boot only if static imports reach it', () => {
  assert.ok(eager.includes('fastify'))
  assert.ok(!eager.includes('drizzle-orm'))
})

test('every class of errors has the name in the shipped file that it has in its source', async (context) => {
  const build = await sharedBuild()
  context.after(() => build.remove())
  const shipped = await readFile(join(build.folder, 'server.js'), 'utf8')
  const named: string[] = []
  for (const root of ['src', 'db', 'routes'])
    for (const path of await readdir(root, { recursive: true }))
      for (const [, name = ''] of (await textOf(join(root, path))).matchAll(
        /class (\w+) extends \w*Error\b/g,
      ))
        named.push(name)
  assert.ok(named.includes('AppError') && named.length > 10)
  const lost = named.filter(
    (name) => !new RegExp(`\\b${name}\\s*=\\s*class extends|class ${name} extends`).test(shipped),
  )
  assert.deepEqual(lost, [])
})

async function textOf(path: string): Promise<string> {
  return path.endsWith('.ts') ? readFile(path, 'utf8') : ''
}
