import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import Fastify from 'fastify'
import { AppError } from '../../src/ground/errors.ts'
import { rejection } from '../../src/token/rejection.ts'
import { onlyRoutes } from '../support/routes.ts'

/** The routes of fires and reports alone, and what they log. */
async function setup(t: TestContext, verify: (authorization: string | undefined) => Promise<unknown>) {
  const lines: { msg: string; reason?: string; times?: number; level: number }[] = []
  const stream = new Writable({
    write(line, _encoding, done) {
      lines.push(JSON.parse(String(line)))
      done()
    },
  })
  const app = Fastify({ logger: { stream } })
  onlyRoutes(app, {
    verifier: { verifyFire: async (headers: { authorization?: string }) => verify(headers.authorization) },
    refuseIfDraining: () => {},
    callbacks: {
      verify() {
        throw rejection('signature', 'not ours')
      },
    },
    fire: { fire: async () => ({ status: 'not_due' }), refused: () => {}, answered: () => {} },
  })
  t.after(() => app.close())
  const fire = async (authorization = '', body: object = { job_id: 'aaaaaaaaaaaa' }) =>
    (await app.inject({ method: 'POST', url: '/api/cron/fire', headers: { authorization }, body })).statusCode
  const troubles = () => lines.filter(({ msg }) => !/^(incoming request|request completed)$/.test(msg))
  return { app, fire, troubles }
}

test('a flood of refused fires writes one line for each reason, and their count at the end', async (t) => {
  const { app, fire, troubles } = await setup(t, async (shown) => {
    throw rejection(shown === 'old' ? 'exp' : 'signature', `shown: ${shown}`)
  })
  for (let n = 0; n < 300; n++) assert.equal(await fire(n % 3 === 0 ? 'old' : `forged ${n}`), 401)
  assert.deepEqual(
    troubles().map(({ msg, reason }) => [msg, reason]),
    [
      ['a fire was refused', 'shown: old'],
      ['a fire was refused', 'shown: forged 1'],
    ],
  )
  await app.close()
  assert.deepEqual(
    troubles()
      .slice(2)
      .map(({ msg, times }) => [msg, times]),
    [
      ['a fire was refused (repeated within a minute)', 99],
      ['a fire was refused (repeated within a minute)', 199],
    ],
  )
})

test('a flood of fires that are to come again writes one line for each code', async (t) => {
  let calls = 0
  const { fire, troubles } = await setup(t, async () => {
    throw new AppError(calls++ % 2 === 0 ? 'JWKS_UNAVAILABLE' : 'DRAINING', 'come again')
  })
  for (let n = 0; n < 40; n++) assert.equal(await fire(), 503)
  assert.equal(troubles().length, 2)
})

test('what broke on our side has a line each time', async (t) => {
  const { fire, troubles } = await setup(t, async () => {
    throw new TypeError('a bug')
  })
  for (let n = 0; n < 3; n++) assert.equal(await fire(), 500)
  assert.equal(troubles().length, 3)
})

test('a fire_at that cannot be read is logged once a minute', async (t) => {
  const { fire, troubles } = await setup(t, async () => ({ kid: 'k' }))
  for (let n = 0; n < 20; n++) assert.equal(await fire('', { job_id: 'aaaaaaaaaaaa', fire_at: `x${n}` }), 200)
  assert.deepEqual(
    troubles().map(({ msg, level }) => [msg, level]),
    [['fire_at of a fire could not be read and was ignored', 40]],
  )
})

test('a flood of refused reports is told apart from fires, and folded too', async (t) => {
  const { app, troubles } = await setup(t, async () => ({ kid: 'k' }))
  for (let n = 0; n < 20; n++) {
    const { statusCode } = await app.inject({ method: 'POST', url: `/api/callbacks/x${n}.y`, body: {} })
    assert.equal(statusCode, 401)
  }
  assert.deepEqual(
    troubles().map(({ msg }) => msg),
    ['a report was refused'],
  )
})
