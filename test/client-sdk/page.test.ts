import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { buildClient } from '../../dev/build/client.ts'
import { blocksOf, readPage } from '../docs/pages.ts'
import { apiKey, type Service, startService } from '../support/service.ts'

const run = promisify(execFile)
const blocks = blocksOf(readPage('docs/client.md'))
const codeOf = (language: string) =>
  blocks
    .filter((block) => block.language === language)
    .map(({ code }) => code)
    .join('\n')

/** What the page tells people to install. */
const [, packed = ''] = /^npm install \.\/(\S+)$/m.exec(codeOf('sh client')) ?? []

/** A project with the package in its node_modules, as npm puts it there, and the blocks of the page as files. */
let folder: string
let service: Service
before(async () => {
  service = await startService()
  folder = await mkdtemp(join(tmpdir(), 'chronos-client-'))
  await buildClient('client/dist')
  await run('npm', ['pack', './client', '--pack-destination', folder])
  const installed = join(folder, 'node_modules/@chronos/client')
  await mkdir(installed, { recursive: true })
  await run('tar', ['-xzf', join(folder, packed), '--strip-components=1', '-C', installed])
  for (const name of ['openapi-fetch', 'openapi-typescript-helpers', 'eventsource-parser', '@types'])
    await symlink(resolve('node_modules', name), join(folder, 'node_modules', name))
  const program = codeOf('ts')
    .replaceAll('http://127.0.0.1:8080', service.url)
    .replaceAll('http://127.0.0.1:8789', service.target.url)
  await writeFile(join(folder, 'program.ts'), program)
  await writeFile(join(folder, 'webhook.ts'), codeOf('ts webhook'))
  await writeFile(join(folder, 'chronos.ts'), codeOf('ts chronos.ts'))
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
})
after(async () => {
  await rm(folder, { recursive: true })
  await service.close()
})

test('the blocks of the page compile against the package', async () => {
  const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node']
  const args = [...flags, '--allowImportingTsExtensions', '--lib', 'es2023,dom', '--ignoreConfig']
  const files = ['program.ts', 'webhook.ts', 'chronos.ts']
  await run(resolve('node_modules/.bin/tsc'), [...args, ...files], { cwd: folder }).catch(
    ({ stdout }: { stdout: string }) => assert.fail(stdout),
  )
})

test('the blocks of the page do what it says', async () => {
  const env = { ...process.env, API_KEY: apiKey }
  const { stdout } = await run(process.execPath, ['program.ts'], { cwd: folder, env })
  assert.match(stdout, /type: 'log'[^]*type: 'end', state: 'succeeded'/)
  assert.match(stdout, /^400 SCHEDULE_INVALID /m)
  assert.match(stdout, /^succeeded HTTP 200 /m)
  assert.match(stdout, /^make report\nmake cleanup$/m)
})
