import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import Fastify from 'fastify'
import { createKeys } from '../../src/access/keys/index.ts'
import { createRefusals } from '../../src/access/refusals.ts'
import { onlyRoutes } from '../support/routes.ts'

type Line = { msg: string; key?: string; address?: string; route?: string; reqId?: string; times?: number }

test('each refused key has one line a minute, with address, route and the id of the answer, and then their count', async (t) => {
  const lines: Line[] = []
  const stream = new Writable({
    write(line, _encoding, done) {
      lines.push(JSON.parse(String(line)) as Line)
      done()
    },
  })
  const app = Fastify({ logger: { stream }, genReqId: () => crypto.randomUUID() })
  const store = () => {
    throw new Error('no key here has the form of ours')
  }
  onlyRoutes(app, {
    config: { rateLimitPerMinute: 600 },
    keys: createKeys({ apiKey: 'the-right-one-of-sixteen', store, log: app.log }),
    refusals: createRefusals(() => new Date()),
  })
  t.after(() => app.close())

  const ids: unknown[] = []
  for (let n = 0; n < 300; n++) {
    const headers = { authorization: `Bearer guessed-${n % 2}` }
    const { statusCode, headers: answered } = await app.inject({
      method: 'GET',
      url: `/api/runs?x=${n}`,
      headers,
    })
    assert.equal(statusCode, n < 30 ? 401 : 429)
    ids.push(answered['x-request-id'])
  }
  const refused = () => lines.filter(({ msg }) => msg.startsWith('an API key was refused'))
  assert.deepEqual(
    refused().map(({ address, route, reqId }) => [address, route, reqId]),
    [
      ['127.0.0.1', 'GET /api/runs', ids[0]],
      ['127.0.0.1', 'GET /api/runs', ids[1]],
    ],
  )
  await app.close()
  assert.deepEqual(
    refused()
      .slice(2)
      .map(({ times }) => times),
    [149, 149],
  )
  assert.doesNotMatch(JSON.stringify(lines), /guessed/)
})
