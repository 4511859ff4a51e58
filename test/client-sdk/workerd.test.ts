import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { build, type BuildOptions } from 'esbuild'
import { Miniflare } from 'miniflare'
import client from '../../client/package.json' with { type: 'json' }
import project from '../../package.json' with { type: 'json' }
import { keyOf } from '../support/key.ts'
import { apiKey, type Service, startService } from '../support/service.ts'
import { outcomeOf } from './scenario.ts'

let service: Service
before(async () => {
  service = await startService({ env: { ENCRYPTION_KEY: keyOf(2).toString('base64') } })
})
after(() => service.close())

/** As a bundler does it that knows nothing of Node: one of its modules would be an error. */
const alone = {
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'neutral',
  target: 'es2023',
  mainFields: ['module', 'main'],
  conditions: ['import'],
  metafile: true,
} as const satisfies BuildOptions

test('with all that it needs it is 10 KB compressed at most, and asks for no module of Node', async () => {
  const { outputFiles, metafile } = await build({
    ...{ ...alone, minify: true, entryPoints: ['client/src/index.ts'] },
  })
  const [file] = outputFiles
  assert.ok(file)
  const size = gzipSync(file.contents, { level: 9 }).length
  assert.ok(size <= 10 * 1024, `${size} bytes`)
  const outside = Object.values(metafile.outputs).flatMap(({ imports }) => imports)
  assert.deepEqual(outside, [])
  assert.ok(Object.keys(metafile.inputs).every((path) => /^client\/|node_modules\//.test(path)))
})

test('the package has the version of the service, and its libraries those of this repository', () => {
  assert.equal(client.version, project.version)
  const known: Record<string, string> = { ...project.dependencies, ...project.devDependencies }
  for (const [name, version] of Object.entries(client.dependencies)) assert.equal(version, known[name], name)
})

test('jobs, runs, logs, files and errors on workerd', async () => {
  const contents = `
    import { scenario } from './test/client-sdk/scenario.ts'
    export default { fetch: async (request) => Response.json(await scenario(await request.json())) }`
  const stdin = { contents, resolveDir: process.cwd() }
  const { outputFiles } = await build({ ...alone, stdin })
  const worker = new Miniflare({
    ...{ modules: true, script: outputFiles[0]?.text ?? '', compatibilityDate: '2026-06-01' },
  })
  try {
    const setting = { url: service.url, key: apiKey, target: service.target.url, prefix: 'worker' }
    const answer = await worker.dispatchFetch('http://worker/', {
      method: 'POST',
      body: JSON.stringify(setting),
    })
    const outcome = await answer.json()
    assert.deepEqual(outcome, outcomeOf('worker'))
  } finally {
    await worker.dispose()
  }
})
