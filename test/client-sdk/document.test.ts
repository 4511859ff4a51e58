import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { clientTypes, typesFile, typesOf } from '../../dev/client/generate.ts'
import { openApiDocument } from '../../routes/openapi/index.ts'
import { blocksOf, readPages } from '../docs/pages.ts'
import { readCommands, readCurl } from '../docs/shell.ts'
import { routesConfig } from '../support/routes.ts'

const document = openApiDocument(routesConfig) as { paths: Record<string, Record<string, unknown>> }
let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chronos-document-'))
  await symlink(resolve('node_modules'), join(folder, 'node_modules'))
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  await writeFile(join(folder, 'openapi.json'), JSON.stringify(document))
})
after(() => rm(folder, { recursive: true }))

/** What a program of node_modules says, if its exit code is not 0 or it says more than `usual`. */
async function complaintsOf(program: string, args: string[], usual: RegExp): Promise<string | null> {
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
  const child = spawn(resolve('node_modules/.bin', program), args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const exit = new Promise((done) => child.on('close', done))
  const [said, complained, code] = await Promise.all([text(child.stdout), text(child.stderr), exit])
  const all = said + complained
  return code === 0 && usual.test(all) ? null : all
}

test('Redocly finds nothing in the document', async () => {
  const usual = /is valid\. 🎉\s*$/u
  assert.equal(await complaintsOf('redocly', ['lint', join(folder, 'openapi.json')], usual), null)
})

test('Spectral finds nothing in the document', async () => {
  const args = ['lint', '--fail-severity', 'hint', '--quiet', join(folder, 'openapi.json')]
  assert.equal(await complaintsOf('spectral', args, /^\s*$/), null)
})

test('the calls of README and of the pages compile against the types that openapi-typescript makes', async () => {
  const calls = await shownCalls()
  assert.ok(calls.length > 20 && calls.some((call) => call.includes('"hello"')), 'calls are found at all')
  const program = ["import createClient from 'openapi-fetch'", "import type { paths } from './types.ts'"]
  const client = ['const client = createClient<paths>({})', ...calls]
  await writeFile(join(folder, 'types.ts'), await typesOf(document))
  await writeFile(join(folder, 'calls.ts'), [...program, ...client, 'export {}'].join('\n'))
  const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--lib', 'es2023,dom']
  const more = [
    '--allowImportingTsExtensions',
    '--skipLibCheck',
    '--ignoreConfig',
    '--types',
    '',
    join(folder, 'calls.ts'),
  ]
  assert.equal(await complaintsOf('tsc', [...flags, ...more], /^$/), null)
})

test('the types of the client are those of the document', async () => {
  const message = 'run: node dev/client/generate.ts'
  assert.ok((await readFile(typesFile, 'utf8')) === (await clientTypes()), message)
})

/** `client.POST('/api/jobs', …)` for each `curl` of a page that sends a body. */
async function shownCalls(): Promise<string[]> {
  const pages = await readPages()
  const commands = pages
    .flatMap(blocksOf)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ code }) => readCommands(code, { API_KEY: 'key', JOB: 'x', RUN: 'x', KEY: 'x' }))
  return commands
    .filter(({ program }) => program === 'curl')
    .flatMap(({ words }) => {
      const { url, method, body } = readCurl(words)
      const path = URL.canParse(url) ? templateOf(new URL(url).pathname, method) : undefined
      if (body === undefined || path === undefined) return []
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => [name, 'x'])
      const params =
        names.length > 0 ? `, params: { path: ${JSON.stringify(Object.fromEntries(names))} }` : ''
      return [`await client.${method}('${path}', { body: ${body}${params} })`]
    })
}

function templateOf(pathname: string, method: string): string | undefined {
  const templates = Object.keys(document.paths).filter(
    (path) => method.toLowerCase() in (document.paths[path] ?? {}),
  )
  const fits = (path: string) => new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]*')}$`).test(pathname)
  return templates.includes(pathname) ? pathname : templates.find(fits)
}
