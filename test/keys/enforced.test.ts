import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import Fastify, { type FastifyInstance } from 'fastify'
import { openApiDocument } from '../../routes/openapi/index.ts'
import { operations } from '../../routes/schemas/index.ts'
import { AppError } from '../../src/ground/errors.ts'
import { allows, type Caller, type Scope, scopes } from '../../src/access/keys/index.ts'
import { onlyRoutes, routesConfig } from '../support/routes.ts'

// The plumbing alone: a key's scopes are what it shows, and whoever is let in gets no further than the audit log.

let app: FastifyInstance
const reached: string[] = []

before(async () => {
  app = Fastify()
  const stop = () => Promise.reject(new AppError('DATABASE_UNAVAILABLE', 'no further'))
  const lists = {
    ...{ jobs: stop, runs: stop, run: stop },
    arms: stop,
    surroundings: stop,
    channels: stop,
    countJobs: stop,
  }
  onlyRoutes(app, {
    keys: {
      check: (shown: string | undefined): Caller => ({
        id: 'k',
        project: null,
        scopes: (shown ?? '').split(' ') as Scope[],
      }),
      used: () => {},
      stored: stop,
    },
    audit: {
      intend({ action }: { action: string }) {
        reached.push(action)
        return stop()
      },
      refused: () => Promise.resolve(),
      list: stop,
    },
    ...{ look: stop, lists: () => Promise.resolve(lists), ledger: stop, now: () => new Date() },
    ...{ status: stop, metrics: stop },
  })
  await app.ready()
})
after(() => app.close())

const keys = Object.keys(operations) as (keyof typeof operations)[]

async function call(key: string, held: readonly Scope[], method?: 'HEAD') {
  const [verb = '', path = ''] = key.split(' ')
  const url = path.replaceAll(/\{(\w+)\}/g, '0123456789ab')
  const headers = { authorization: held.join(' ') }
  return app.inject({ method: (method ?? verb) as 'GET', url, headers })
}

test('each operation lets in who has its scope and answers everybody else 403, as the document says', async () => {
  const { paths } = openApiDocument(routesConfig) as {
    paths: Record<string, Record<string, { 'x-scope'?: Scope }>>
  }
  for (const key of keys) {
    const [method = '', path = ''] = key.split(' ')
    const needed = paths[path]?.[method.toLowerCase()]?.['x-scope']
    assert.ok(needed, `${key} says no scope`)
    for (const held of scopes) {
      const { statusCode, body } = await call(key, [held])
      const isIn = statusCode !== 403
      assert.equal(isIn, allows([held], needed), `${key} with ${held}`)
      if (!isIn) assert.deepEqual([JSON.parse(body).code, JSON.parse(body).needed], ['SCOPE_MISSING', needed])
    }
    assert.equal((await call(key, [])).statusCode, 403, `${key} without any scope`)
  }
})

test('admin may do everything, who may change jobs may look, and nothing else is implied', () => {
  const table = Object.fromEntries(
    scopes.map((held) => [held, scopes.filter((needed) => allows([held], needed))]),
  )
  assert.deepEqual(table, {
    'jobs:read': ['jobs:read'],
    'jobs:write': ['jobs:read', 'jobs:write'],
    'runs:start': ['runs:start'],
    admin: ['jobs:read', 'jobs:write', 'runs:start', 'admin'],
  })
})

test('every operation that changes something is written down first, and no other', async () => {
  reached.length = 0
  for (const key of keys) await call(key, ['admin'])
  const changes = keys.filter((key) => !key.startsWith('GET ') && operations[key].scope !== 'jobs:read')
  assert.deepEqual(
    reached,
    changes.map((key) => operations[key].id),
  )
  assert.ok(changes.length >= 10)
})

test('HEAD asks for what GET does', async () => {
  assert.equal((await call('GET /api/keys', ['jobs:read'], 'HEAD')).statusCode, 403)
  assert.notEqual((await call('GET /api/jobs', ['jobs:read'], 'HEAD')).statusCode, 403)
})
