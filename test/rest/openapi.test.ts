import assert from 'node:assert/strict'
import { test } from 'node:test'
import Fastify from 'fastify'
import { openApiDocument } from '../../routes/openapi/index.ts'
import { pagePaths } from '../../routes/page.ts'
import { operations } from '../../routes/schemas/index.ts'
import { onlyRoutes, routesConfig } from '../support/routes.ts'

type Schema = { $ref?: string; [member: string]: unknown }
type Operation = {
  operationId: string
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>
}
type Document = {
  openapi: string
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema> }
}
const document = openApiDocument(routesConfig) as Document

/** What Fastify itself was told of, `GET /api/jobs/{id}`; it adds a HEAD to each GET. */
async function registered(): Promise<string[]> {
  const app = Fastify()
  const routes: string[] = []
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat())
      if (one !== 'HEAD') routes.push(`${one} ${url.replaceAll(/:(\w+)/g, '{$1}')}`)
  })
  onlyRoutes(app)
  await app.ready()
  await app.close()
  const ofThePage = pagePaths.map((path) => `GET ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
  // GET /api/status is there twice, for callers with a key and without one
  return [...new Set(routes)].filter((route) => !ofThePage.includes(route)).toSorted()
}

test('the routes and the OpenAPI document are the same set', async () => {
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  assert.deepEqual(documented.toSorted(), await registered())
})

test('the document is OpenAPI 3.1, refers only to what it has, and holds nothing but JSON', () => {
  assert.equal(document.openapi, '3.1.0')
  assert.deepEqual(JSON.parse(JSON.stringify(document)), document)
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)]
  assert.ok(references.length > 20)
  for (const [, name = ''] of references) assert.ok(document.components.schemas[name], name)
  const ids = Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId }) => operationId),
  )
  assert.equal(new Set(ids).size, ids.length)
})

test('every operation says which codes it can answer with', () => {
  for (const [key, { errors }] of Object.entries(operations)) {
    const [method = '', path = ''] = key.split(' ')
    const responses = JSON.stringify(document.paths[path]?.[method.toLowerCase()]?.responses)
    for (const code of [...errors, 'API_KEY_REJECTED', 'DATABASE_UNAVAILABLE'])
      assert.match(responses, new RegExp(code), key)
  }
})

test('registering the routes compiles nothing and loads neither TypeBox nor drizzle', async () => {
  const { stdout } = await loadedBy(`
    import Fastify from 'fastify'
    import { registerAll } from './routes/all.ts'
    const app = Fastify()
    registerAll(app, { config: { metricsHere: true, corsOrigins: [], prompt: {} } })
    await app.ready()
    await app.close()`)
  const loaded = stdout.split('\n')
  assert.ok(loaded.some((url) => url.endsWith('/routes/fire.ts')))
  assert.deepEqual(
    loaded.filter((url) => /typebox|drizzle|routes\/(schemas|openapi)/.test(url)),
    [],
  )
})

/** Every module that a program loads, one URL a line. */
async function loadedBy(program: string) {
  const { execFile } = await import('node:child_process')
  const { promisify } = await import('node:util')
  const spy = `import { registerHooks } from 'node:module'
    registerHooks({ load(url, context, next) { console.log(url); return next(url, context) } })`
  const args = [
    '--import',
    `data:text/javascript,${encodeURIComponent(spy)}`,
    '--input-type=module',
    '-e',
    program,
  ]
  return promisify(execFile)(process.execPath, args, { cwd: new URL('../..', import.meta.url) })
}
