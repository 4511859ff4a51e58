import type { Clause, Group } from '../kit/clause.ts'
import { verifyFire } from '../kit/agent.ts'
import { call, callSlowly } from '../kit/http.ts'
import { at, keysOf } from '../kit/json.ts'
import { type Claims, createKey, hmac, sign, signingAlgs, unsigned } from '../kit/keys.ts'
import type { Portal } from '../kit/portal.ts'
import { eventually, until } from '../kit/wait.ts'
import type { World } from '../kit/world.ts'
import type { Tries } from '../kit/tries.ts'
import { isoIn } from './soon.ts'

/** A `job_id` of another form: an accepted token is answered 200 `gone`, with nothing touched. */
const foreign = 'not-one-of-ours'

async function refused(t: Tries, world: World, what: string, token: string) {
  const answer = await world.fire(foreign, { token })
  t.equal(what, answer.status, 401)
  return answer
}

async function accepted(t: Tries, world: World, what: string, token: string) {
  t.equal(what, (await world.fire(foreign, { token })).status, 200)
}

function now(): number {
  return Math.floor(Date.now() / 1000)
}

/** The clauses that need no key of the portal: each of these tokens is wrong for any service. */
const withoutKeys: Clause[] = [
  {
    name: 'token-missing',
    service: {
      needs: [],
      async check(t, world) {
        for (const headers of [
          {},
          { Authorization: '' },
          { Authorization: 'Bearer' },
          { Authorization: 'Basic eDp5' },
        ]) {
          const answer = await call('POST', `${world.url}/api/cron/fire`, {
            headers,
            json: { job_id: foreign },
          })
          t.equal(`status with ${JSON.stringify(headers)}`, answer.status, 401)
        }
      },
    },
  },
  {
    name: 'token-malformed',
    service: {
      needs: [],
      async check(t, world, bench) {
        const random = bench.random('token-malformed')
        const good = await world.portal.token()
        for (let i = 0; i < 40; i++) {
          const place = random.below(good.length - 1)
          const letter = random.pick('A B C x y z 0 1 9 - _ . !'.split(' '))
          // the last letter of a base64url part may differ without a difference in its bytes
          if (good[place] === letter || good[place + 1] === '.') continue
          await refused(t, world, 'a letter changed', good.slice(0, place) + letter + good.slice(place + 1))
        }
        for (const token of ['x', 'a.b', 'a.b.c', '....', good.slice(0, -20), `${good}.${good}`])
          await refused(t, world, `malformed: ${token.slice(0, 12)}…`, token)
      },
    },
  },
  {
    name: 'token-forged',
    service: {
      needs: [],
      async check(t, world) {
        const { kid } = world.portal.keys[0]!
        await refused(
          t,
          world,
          'another key under a known kid',
          await sign(await createKey('ES256', kid), world.portal.claims()),
        )
      },
    },
  },
  {
    name: 'token-alg-none',
    service: {
      needs: [],
      async check(t, world) {
        const { kid } = world.portal.keys[0]!
        await refused(t, world, 'alg none', unsigned(world.portal.claims(), kid))
      },
    },
  },
  {
    name: 'token-alg-hmac',
    service: {
      needs: [],
      async check(t, world) {
        const { kid, jwk } = world.portal.keys[0]!
        await refused(
          t,
          world,
          'HS256 over the public key',
          hmac(world.portal.claims(), kid, JSON.stringify(jwk)),
        )
      },
    },
  },
]

const bodies: Clause[] = [
  {
    name: 'refusal-body-unread',
    service: {
      needs: [],
      async check(t, world) {
        for (const token of ['wrong', await sign(await createKey('ES256', 'x'), world.portal.claims())]) {
          const headers = { Authorization: `Bearer ${token}` }
          const { status } = await callSlowly(`${world.url}/api/cron/fire`, { headers })
          t.equal('status before the body has come', status, 401)
        }
        const answer = await call('POST', `${world.url}/api/cron/fire`, {
          text: '{',
          headers: { Authorization: 'Bearer wrong' },
        })
        t.equal('status with a body that is not JSON', answer.status, 401)
      },
    },
  },
  {
    name: 'refusal-no-reason',
    service: {
      needs: ['portal'],
      async check(t, world) {
        const { portal } = world
        const tokens = {
          missing: 'x',
          expired: await portal.token({ exp: now() - 3600 }),
          aud: await portal.token({ aud: 'agent:other' }),
          purpose: await portal.token({ purpose: 'other' }),
          forged: await sign(await createKey('ES256', portal.keys[0]!.kid), portal.claims()),
        }
        const answers = await Promise.all(
          Object.values(tokens).map((token) => world.fire(foreign, { token })),
        )
        const first = answers[0]!
        for (const answer of answers) {
          t.equal('status', answer.status, 401)
          t.equal('the body says the same for each', comparable(answer.body), comparable(first.body))
        }
      },
    },
  },
]

function comparable(body: unknown): unknown {
  return keysOf(body)
    .filter((key) => key !== 'instance')
    .map((key) => [key, at(body, key)])
}

type Case = [what: string, claims: Claims]
const wrongClaims: Record<string, () => Case[]> = {
  'token-expired': () => [['expired an hour ago', { exp: now() - 3600 }]],
  'token-without-exp': () => [
    ['without exp', { exp: undefined }],
    ['exp that is text', { exp: 'soon' }],
  ],
  'token-not-yet-valid': () => [
    ['nbf in an hour', { nbf: now() + 3600, exp: now() + 7200 }],
    ['iat in an hour', { iat: now() + 3600, exp: now() + 7200 }],
  ],
  'token-audience': () => [
    ['another agent', { aud: 'agent:other' }],
    ['a longer name', { aud: 'agent:conformance2' }],
    ['none', { aud: undefined }],
    ['an empty list', { aud: [] }],
  ],
  'token-issuer': () => [
    ['another issuer', { iss: 'https://portal.example' }],
    ['none', { iss: undefined }],
  ],
  'token-purpose': () => [
    ['none', { purpose: undefined }],
    ['another', { purpose: 'cron_cancel' }],
    ['another case', { purpose: 'CRON_FIRE' }],
    ['with a space', { purpose: 'cron_fire ' }],
    ['a list', { purpose: ['cron_fire'] }],
    ['true', { purpose: true }],
  ],
}

const claims: Clause[] = [
  ...Object.entries(wrongClaims).map(
    ([name, cases]): Clause => ({
      name,
      service: {
        needs: ['portal'],
        async check(t, world) {
          for (const [what, changes] of cases())
            await refused(t, world, what, await world.portal.token(changes))
        },
      },
    }),
  ),
  {
    name: 'token-issuer-slash',
    service: {
      needs: ['portal'],
      async check(t, world) {
        await refused(
          t,
          world,
          'iss with a trailing slash',
          await world.portal.token({ iss: `${world.portal.url}/` }),
        )
      },
    },
  },
  {
    name: 'portal-url-slash',
    async own(t, bench) {
      await bench.withWorld({}, async (first) => {
        const world = await first.another({ NAS_PORTAL_URL: `${first.portal.url}/` })
        const { answer, id } = await world.job({ schedule: 'in 2h' })
        t.equal('armed', at(answer.body, 'job.armed'), true)
        t.equal('path', world.portal.callsOf('provision', id)[0]?.path, '/api/agent-cron/provision')
        await accepted(t, world, 'iss without the slash', await world.portal.token())
      })
    },
  },
  {
    name: 'token-audience-list',
    service: {
      needs: ['portal'],
      async check(t, world) {
        const aud = ['agent:other', world.portal.audience]
        await accepted(t, world, 'aud that contains ours', await world.portal.token({ aud }))
      },
    },
  },
  {
    name: 'token-leeway',
    service: {
      needs: ['portal'],
      async check(t, world) {
        const { portal } = world
        await accepted(t, world, 'expired 20 s ago', await portal.token({ exp: now() - 20 }))
        await refused(t, world, 'expired 40 s ago', await portal.token({ exp: now() - 40 }))
        await accepted(t, world, 'nbf in 20 s', await portal.token({ nbf: now() + 20 }))
        await refused(t, world, 'nbf in 40 s', await portal.token({ nbf: now() + 40 }))
        await accepted(t, world, 'iat in 20 s', await portal.token({ iat: now() + 20 }))
        await refused(t, world, 'iat in 40 s', await portal.token({ iat: now() + 40 }))
      },
    },
  },
  {
    name: 'token-other-claims',
    service: {
      needs: ['portal'],
      async check(t, world) {
        const more = { job_id: 'another', fire_at: 'never', sub: 7, scope: ['x'], jti: 'y' }
        await accepted(t, world, 'claims that are not named', await world.portal.token(more))
        await accepted(
          t,
          world,
          'without nbf and iat',
          await world.portal.token({ nbf: undefined, iat: undefined }),
        )
      },
    },
  },
  {
    name: 'fire-claims',
    async nas(t, nas) {
      const jobId = nas.newJobId()
      await nas.provision(jobId, isoIn(-1000))
      const fire = await until('a fire', () => nas.agent.callsOf(jobId)[0])
      const jwksUrl = `${nas.url}/.well-known/jwks.json`
      const { payload, header } = await verifyFire(fire, {
        jwksUrl,
        issuer: nas.issuer,
        audience: nas.audience,
      })
      t.equal('purpose', payload['purpose'], 'cron_fire')
      t.oneOf('alg', header.alg, signingAlgs)
      t.match('kid', header.kid, /./)
      t.equal('iss has no trailing slash', payload.iss?.endsWith('/'), false)
      const seconds = (payload.exp ?? 0) - now()
      t.that('exp', seconds > 0 && seconds <= 3600, { expected: 'ahead, within the hour', seen: seconds })
    },
  },
  {
    name: 'jwks-shape',
    async nas(t, nas) {
      const answer = await call('GET', `${nas.url}/.well-known/jwks.json`)
      t.equal('status', answer.status, 200)
      const keys = at(answer.body, 'keys')
      t.that('keys', Array.isArray(keys) && keys.length > 0, { expected: 'a list', seen: answer.body })
      for (const key of Array.isArray(keys) ? keys : []) {
        t.match('kid', at(key, 'kid'), /./)
        for (const secretPart of ['d', 'k', 'p', 'q'])
          t.equal(`private part ${secretPart}`, at(key, secretPart), undefined)
      }
    },
  },
]

const algorithms: Clause[] = [
  ...signingAlgs.map(
    (alg): Clause => ({
      name: `alg-${alg.toLowerCase()}`,
      service: {
        needs: ['portal'],
        async check(t, world) {
          await accepted(t, world, alg, await world.portal.token({}, keyFor(world.portal, alg)))
        },
      },
    }),
  ),
  {
    name: 'token-alg-ps',
    service: {
      needs: ['portal'],
      async check(t, world) {
        const key = keyFor(world.portal, 'RS256')
        for (const alg of ['PS256', 'PS384', 'PS512'])
          await refused(t, world, alg, await sign(key, world.portal.claims(), { alg }))
      },
    },
  },
  {
    name: 'kid-rotation',
    waits: 35,
    async own(t, bench) {
      await bench.withWorld({}, async (world) => {
        await accepted(t, world, 'the first key', await world.portal.token())
        await world.portal.rotate()
        const token = await world.portal.token({ exp: now() + 120 })
        const ok = await eventually(async () => (await world.fire(foreign, { token })).status === 200, 40_000)
        t.that('a new kid is fetched', ok, { expected: 'accepted', seen: 'refused for 40 s' })
        await accepted(
          t,
          world,
          'the first key still',
          await world.portal.token({}, world.portal.keys.at(-signingAlgs.length)),
        )
      })
    },
    async ownNas(t, bench) {
      await bench.withNas([], async (nas) => {
        const jwksUrl = `${nas.url}/.well-known/jwks.json`
        const kids: unknown[] = []
        for (let i = 0; i < 2; i++) {
          const jobId = nas.newJobId()
          await nas.provision(jobId, isoIn(-1000))
          const fire = await until('a fire', () => nas.agent.callsOf(jobId)[0])
          kids.push(
            (await verifyFire(fire, { jwksUrl, issuer: nas.issuer, audience: nas.audience })).header.kid,
          )
          await nas.rotateKeys()
        }
        t.that('another kid after the rotation', kids[0] !== kids[1], { expected: 'two kids', seen: kids })
      })
    },
  },
  {
    name: 'jwks-url',
    async own(t, bench) {
      await bench.withWorld({}, async (world) => {
        await world.fire(foreign)
        t.that('the default is {portal}/.well-known/jwks.json', world.portal.callsOf('jwks').length > 0, {
          expected: 'a call',
          seen: world.portal.calls.map((it) => it.path),
        })
      })
    },
  },
]

function keyFor(portal: Portal, alg: (typeof signingAlgs)[number]) {
  return portal.keys.find((it) => it.alg === alg)!
}

export const fireToken: Group = {
  name: 'fire-token',
  clauses: [...withoutKeys, ...bodies, ...claims, ...algorithms],
}
