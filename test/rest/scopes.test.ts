import assert from 'node:assert/strict'
import { test } from 'node:test'
import Fastify, { type FastifyInstance } from 'fastify'
import type { RouteNeeds } from '../../routes/index.ts'
import type { Caller, Keys } from '../../src/access/keys/index.ts'
import { onlyRoutes } from '../support/routes.ts'
import { codeOf, type Problem } from './setup.ts'

// The plumbing alone: what happens when the parts that are handed to the routes break.

const anAdmin: Caller = { id: '0123456789ab', scopes: ['admin'], project: null }
const keysWith = (check: Keys['check']): Keys => ({
  ...{ check, used: () => {} },
  holder: () => Promise.reject(new Error('nobody is signed in here')),
  stored: () => Promise.reject(new Error('no key is stored here')),
})

async function app(t: { after(done: () => Promise<void>): void }, parts: Partial<RouteNeeds>) {
  const lines: Record<string, unknown>[] = []
  const stream = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) }
  const made: FastifyInstance = Fastify({ logger: { stream, level: 'warn' } })
  const holds = { now: 0, ever: 0 }
  const hold = () => {
    holds.now += 1
    holds.ever += 1
    return () => void (holds.now -= 1)
  }
  onlyRoutes(made, { hold, ...parts })
  t.after(() => made.close())
  const get = async (url: string, method: 'GET' | 'POST' = 'GET', sent: Record<string, string> = {}) => {
    const { statusCode, body, headers } = await made.inject({ url, method, headers: sent })
    return { status: statusCode, body: JSON.parse(body) as Problem, headers, text: body }
  }
  return { get, lines, holds }
}

test('a bug in the check of a key is answered 500 without detail and logged once, never 401', async (t) => {
  const { get, lines } = await app(t, {
    keys: keysWith(() => {
      throw new TypeError('the password is hunter2')
    }),
  })
  const answer = await get('/api/jobs')
  assert.equal(codeOf(answer), '500 INTERNAL')
  assert.doesNotMatch(answer.text, /hunter2/)
  assert.equal(lines.length, 1)
})

test('a bug in the verifier of tokens is answered 500, never 401', async (t) => {
  const { get } = await app(t, { verifier: { verifyFire: () => Promise.reject(new TypeError('bug')) } })
  assert.equal(codeOf(await get('/api/cron/fire', 'POST')), '500 INTERNAL')
})

test('a bug that carries a status of its own is answered 500 all the same', async (t) => {
  const { get } = await app(t, {
    keys: keysWith(() => anAdmin),
    status: () => Promise.reject(Object.assign(new Error('x'), { statusCode: 404, code: 'FST_LIKE' })),
  })
  assert.equal(codeOf(await get('/api/status')), '500 INTERNAL')
})

test('fires are not taken before the process is ready, and no fire is tried', async (t) => {
  const { AppError } = await import('../../src/ground/errors.ts')
  const { get } = await app(t, {
    verifier: { verifyFire: () => Promise.resolve({}) },
    fire: {
      fire: () => Promise.reject(new Error('a fire was tried')),
      expected: () => {},
      ...{ refused: () => {}, answered: () => {} },
    },
    refuseIfDraining: () => {
      throw new AppError('NOT_READY', 'not yet', { retryAfterS: 3 })
    },
  })
  const answer = await get('/api/cron/fire', 'POST')
  assert.deepEqual([codeOf(answer), answer.headers['retry-after']], ['503 NOT_READY', '3'])
})

test('a call keeps the process up while it is answered; a stranger or a scrape does not', async (t) => {
  const { AppError } = await import('../../src/ground/errors.ts')
  const duringCall: number[] = []
  const { get, holds } = await app(t, {
    keys: keysWith((authorization) => {
      if (authorization) return anAdmin
      throw new AppError('API_KEY_REJECTED', 'no key')
    }),
    projects: { list: () => Promise.resolve([]) } as never,
    status: () => Promise.resolve({ held: duringCall.push(holds.now) }),
    metrics: () => '{}',
  })
  await get('/api/status')
  assert.deepEqual([holds.ever, duringCall], [0, []])
  await get('/api/status', 'GET', { authorization: 'x' })
  await get('/metrics', 'GET', { authorization: 'x' })
  assert.deepEqual([holds.ever, holds.now, duringCall], [1, 0, [1]])
})
