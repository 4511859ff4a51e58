import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib'
import Fastify, { type FastifyInstance } from 'fastify'
import { once } from '../../src/ground/once.ts'
import { readPageFiles } from '../../src/process/page-files.ts'
import { onlyRoutes } from '../support/routes.ts'

const script = 'console.log("the page")'
const html = '<!doctype html><title>Chronos</title>'
let folder: string
let app: FastifyInstance
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chronos-page-'))
  await writeFile(join(folder, 'app-0123456789ab.js'), script)
  await writeFile(join(folder, 'app-0123456789ab.js.br'), brotliCompressSync(script))
  await writeFile(join(folder, 'app-0123456789ab.js.gz'), gzipSync(script))
  await writeFile(join(folder, 'index.html'), html)
  await writeFile(join(folder, 'sources'), 'not a part of the page')
  app = Fastify()
  onlyRoutes(app, { page: once(() => readPageFiles(folder)) })
  await app.ready()
})
after(async () => {
  await app.close()
  await rm(folder, { recursive: true })
})

const get = (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers })

test('every address of the page answers with it, to anyone, and with a policy that lets nothing else in', async () => {
  const paths = ['/', '/jobs', '/jobs/ab12cd34ef56', '/runs/5b1c2f9e-0a6d-4c1e-9d3a-1f2e3d4c5b6a', '/make']
  for (const path of [
    ...paths,
    '/channels',
    '/secrets',
    '/keys',
    '/audit',
    '/cost',
    '/?q=x',
    '/jobs?tag=a',
  ]) {
    const { statusCode, headers, body } = await get(path)
    assert.deepEqual(
      [statusCode, headers['content-type'], body],
      [200, 'text/html; charset=utf-8', html],
      path,
    )
    const directives = String(headers['content-security-policy']).split('; ').toSorted()
    assert.deepEqual(directives, [
      "base-uri 'none'",
      "connect-src 'self'",
      "default-src 'none'",
      "font-src 'self'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "img-src 'self' data:",
      "manifest-src 'self'",
      "require-trusted-types-for 'script'",
      "script-src 'self'",
      "style-src 'self'",
      "trusted-types 'none'",
    ])
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['referrer-policy'], 'no-referrer')
    assert.equal(headers['cache-control'], 'no-cache')
  }
})

test('the page is asked for again each time, and sent only if it has changed', async () => {
  const { headers } = await get('/')
  const tag = String(headers.etag)
  const again = await get('/jobs', { 'if-none-match': `W/${tag}, "other"` })
  assert.deepEqual([again.statusCode, again.body, again.headers.etag], [304, '', tag])
  assert.equal((await get('/', { 'if-none-match': '"other"' })).statusCode, 200)
})

test('an asset is kept for ever, and sent as small as the browser reads it', async () => {
  const asset = (coding?: string) =>
    get('/assets/app-0123456789ab.js', coding ? { 'accept-encoding': coding } : {})
  const plain = await asset()
  assert.deepEqual(
    [plain.statusCode, plain.body, plain.headers['content-encoding']],
    [200, script, undefined],
  )
  assert.equal(plain.headers['content-type'], 'text/javascript; charset=utf-8')
  assert.equal(plain.headers['cache-control'], 'public, max-age=31536000, immutable')
  assert.equal(plain.headers.vary, 'Accept-Encoding')
  const brotli = await asset('gzip, deflate, br, zstd')
  assert.equal(brotli.headers['content-encoding'], 'br')
  assert.equal(brotliDecompressSync(brotli.rawPayload).toString(), script)
  const gzip = await asset('gzip, br;q=0')
  assert.equal(gzip.headers['content-encoding'], 'gzip')
  assert.equal(gunzipSync(gzip.rawPayload).toString(), script)
  // the HTML of this folder was not compressed
  assert.equal((await get('/', { 'accept-encoding': 'br' })).headers['content-encoding'], undefined)
})

test('what the build has not made is not there: no file of the folder by its name, no way out of it', async () => {
  for (const name of [
    'sources',
    'index.html',
    'app-0123456789ab.js.br',
    'app-ffff.js',
    '..%2f..%2fpackage.json',
  ]) {
    const { statusCode, body } = await get(`/assets/${name}`)
    assert.deepEqual([statusCode, JSON.parse(body).code], [404, 'ROUTE_NOT_FOUND'], name)
  }
  assert.equal((await app.inject({ method: 'POST', url: '/jobs' })).statusCode, 405)
  assert.equal((await app.inject({ method: 'HEAD', url: '/jobs' })).statusCode, 200)
})

test('without the folder it says so, and the page is there as soon as it is built', async () => {
  const bare = Fastify()
  const late = `${folder}-late`
  onlyRoutes(bare, { page: once(() => readPageFiles(late)) })
  const answer = await bare.inject('/')
  assert.deepEqual([answer.statusCode, answer.json().code], [404, 'PAGE_NOT_BUILT'])
  assert.match(answer.json().detail, /npm run build/)
  await promisify(execFile)('cp', ['-r', folder, late])
  assert.equal((await bare.inject('/')).statusCode, 200)
  await bare.close()
  await rm(late, { recursive: true })
})

test('an answer of the API is no page: its policy stays as strict as it was', async () => {
  const { headers } = await get('/healthz')
  assert.equal(headers['content-security-policy'], "default-src 'none'; frame-ancestors 'none'")
})

test('neither a boot nor the routes of the API load anything of the page, its sessions or its overviews', async () => {
  const ofThePage =
    /page-files|web-folder|access\/sessions|db\/(overview|timeline|strips|costs|failures|job-days)|jobs\/timeline|routes\/schemas/
  const boot = await loadedBy(`await import('./src/app.ts')`)
  assert.ok(boot.some((url) => url.endsWith('/routes/fire.ts')))
  assert.deepEqual(
    boot.filter((url) => ofThePage.test(url) || url.endsWith('/routes/page.ts')),
    [],
  )
  const routes = await loadedBy(`
    import Fastify from 'fastify'
    import { registerAll } from './routes/all.ts'
    const app = Fastify()
    registerAll(app, { config: { metricsHere: true, corsOrigins: [], prompt: {} } })
    await app.ready()
    await app.close()`)
  assert.ok(routes.some((url) => url.endsWith('/routes/page.ts')))
  assert.deepEqual(
    routes.filter((url) => ofThePage.test(url)),
    [],
  )
})

/** Every module that a program loads, by its URL. */
async function loadedBy(program: string): Promise<string[]> {
  const spy = `import { registerHooks } from 'node:module'
    registerHooks({ load(url, context, next) { console.log(url); return next(url, context) } })`
  const spying = ['--import', `data:text/javascript,${encodeURIComponent(spy)}`]
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...spying,
    '--input-type=module',
    '-e',
    program,
  ])
  return stdout.split('\n')
}
