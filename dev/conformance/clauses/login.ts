import type { Clause, Group } from '../kit/clause.ts'
import { tablesThatShow } from '../kit/database.ts'
import { call } from '../kit/http.ts'
import { at, textAt } from '../kit/json.ts'
import { createKey, sign } from '../kit/keys.ts'
import { loginClient } from '../kit/login.ts'
import { isLibraryName, type Reply, replies } from '../kit/portal.ts'
import { eventually, until } from '../kit/wait.ts'
import { isArmed, passes } from './armed.ts'

const grant: Clause[] = [
  {
    name: 'token-request',
    async own(t, bench) {
      await bench.withWorld({ identity: 'login' }, async (world) => {
        const { id } = await world.job({ schedule: 'in 2h' })
        const sent = world.portal.callsOf('token')[0]
        const form = new URLSearchParams(sent?.text)
        t.equal('method', sent?.method, 'POST')
        t.match('Content-Type', sent?.headers['content-type'], /^application\/x-www-form-urlencoded\b/)
        t.equal('grant_type', form.get('grant_type'), 'refresh_token')
        t.equal('client_id', form.get('client_id'), loginClient)
        t.equal('refresh_token of the form', form.get('refresh_token'), world.portal.login.first)
        t.equal('x-nous-refresh-token', sent?.headers['x-nous-refresh-token'], world.portal.login.first)
        t.equal('Accept', sent?.headers.accept, 'application/json')
        const agent = sent?.headers['user-agent'] ?? ''
        t.that('User-Agent', agent !== '' && !isLibraryName(agent), { expected: 'its own', seen: agent })
        t.match(
          'Authorization of the provision',
          world.portal.callsOf('provision', id)[0]?.headers.authorization,
          /^Bearer at-/,
        )
      })
    },
    async ownNas(t, bench) {
      await bench.withNas([], async (nas) => {
        const granted = await refresh(nas.url, nas.firstRefreshToken, 'both')
        t.equal('status', granted.status, 200)
        t.match('access_token', at(granted.body, 'access_token'), /./)
        t.match('refresh_token', at(granted.body, 'refresh_token'), /./)
        t.that('a new refresh token', at(granted.body, 'refresh_token') !== nas.firstRefreshToken, {
          expected: 'another one',
          seen: 'the same',
        })
        const seconds = Number(at(granted.body, 'expires_in'))
        t.that('expires_in', seconds > 600 && seconds <= 1200, { expected: 'about 900', seen: seconds })
        const headers = { Authorization: `Bearer ${textAt(granted.body, 'access_token')}` }
        t.equal(
          'list with it',
          (await call('GET', `${nas.url}/api/agent-cron/list`, { headers })).status,
          200,
        )
        const next = await refresh(nas.url, textAt(granted.body, 'refresh_token'), 'both')
        t.equal('status of the next', next.status, 200)
      })
    },
  },
  ...(['header', 'form'] as const).map(
    (reads): Clause => ({
      name: `token-${reads}-only`,
      async own(t, bench) {
        const before = {
          identity: 'login' as const,
          before: (portal: { login: { reads: string } }) => void (portal.login.reads = reads),
        }
        await bench.withWorld(before, async (world) => {
          isArmed(t, world, await world.job({ schedule: 'in 2h' }))
          world.portal.login.endAccess()
          isArmed(t, world, await world.job({ schedule: 'in 2h' }))
          t.equal('the login lives', world.portal.login.isDead, false)
        })
      },
    }),
  ),
  {
    name: 'token-rotates',
    async own(t, bench) {
      await bench.withWorld({ identity: 'login' }, async (world) => {
        for (let i = 0; i < 4; i++) {
          isArmed(t, world, await world.job({ schedule: 'in 2h' }))
          world.portal.login.endAccess()
        }
        t.that('refreshes', world.portal.login.presented.size >= 3, {
          expected: '3 or more',
          seen: world.portal.login.presented.size,
        })
        t.equal('uses of any refresh token', world.portal.login.timesPresented(), 1)
      })
    },
    async ownNas(t, bench) {
      await bench.withNas([], async (nas) => {
        const granted = await refresh(nas.url, nas.firstRefreshToken, 'both')
        const reused = await refresh(nas.url, nas.firstRefreshToken, 'both')
        t.that('status of the old one', [400, 401, 403].includes(reused.status), {
          expected: 'refused',
          seen: reused.status,
        })
        t.oneOf('error of the old one', at(reused.body, 'error'), [
          'invalid_grant',
          'invalid_token',
          'refresh_token_reused',
        ])
        const revoked = await refresh(nas.url, textAt(granted.body, 'refresh_token'), 'both')
        t.that('the whole login is revoked', revoked.status >= 400 && revoked.status < 404, {
          expected: 'refused',
          seen: revoked.status,
        })
      })
    },
  },
  {
    name: 'token-restart',
    async own(t, bench) {
      await bench.withWorld({ identity: 'login' }, async (world) => {
        await world.job({ schedule: 'in 2h' })
        await world.program().stop()
        world.portal.login.endAccess()
        const next = await world.another()
        isArmed(t, world, await next.job({ schedule: 'in 2h' }))
        t.equal('uses of any refresh token', world.portal.login.timesPresented(), 1)
      })
    },
  },
  {
    name: 'token-stored-before-use',
    async own(t, bench) {
      await bench.withWorld({ identity: 'login' }, async (world) => {
        world.portal.answer('provision', (_, response) => {
          world.program().signal('SIGKILL')
          response.destroy()
        })
        const died = await world.create({ schedule: 'in 2h' }).catch(() => null)
        t.equal('the process died at its first use of the new token', died, null)
        world.portal.answer('provision')
        world.portal.login.endAccess()
        const next = await world.another()
        isArmed(t, world, await next.job({ schedule: 'in 2h' }))
        t.equal('uses of any refresh token', world.portal.login.timesPresented(), 1)
      })
    },
  },
  {
    name: 'token-sealed',
    async own(t, bench) {
      await bench.withWorld({ identity: 'login' }, async (world) => {
        await world.job({ schedule: 'in 2h' })
        const tokens = [...world.portal.login.presented.keys(), world.portal.login.current]
        t.equal(
          'tables in which a refresh token can be read',
          await tablesThatShow(world.database.url, tokens),
          [],
        )
      })
    },
  },
  {
    name: 'token-refreshed-once',
    async own(t, bench) {
      await bench.withWorld({ identity: 'login' }, async (world) => {
        const other = await world.another()
        for (let round = 0; round < 3; round++) {
          world.portal.login.endAccess()
          const made = [world, other, world, other, world, other].map((it) => it.job({ schedule: 'in 2h' }))
          for (const job of await Promise.all(made)) isArmed(t, world, job)
        }
        t.equal('uses of any refresh token', world.portal.login.timesPresented(), 1)
        t.that('refreshes for three ends', world.portal.login.presented.size <= 8, {
          expected: 'few',
          seen: world.portal.login.presented.size,
        })
      })
    },
  },
  {
    name: 'token-401-once',
    async own(t, bench) {
      await bench.withWorld({ identity: 'login' }, async (world) => {
        let refused = 0
        world.portal.answer('provision', (_, response) => {
          refused++
          world.portal.answer('provision')
          response.writeHead(401).end()
        })
        const job = await world.job({ schedule: 'in 2h' })
        t.equal('times refused', refused, 1)
        isArmed(t, world, job)
      })
    },
  },
  {
    name: 'token-static-expiry',
    async own(t, bench) {
      const exp = Math.floor(Date.now() / 1000) + 900
      const token = await sign(await createKey('ES256', 'k'), { exp })
      await bench.withWorld({ env: { NAS_ACCESS_TOKEN: token } }, async (world) => {
        const instant = new Date(exp * 1000).toISOString().slice(0, 19)
        const says = await eventually(() => world.program().log().includes(instant), 3000)
        t.that('the log at start names the end of the token', says, {
          expected: instant,
          seen: world.program().log().slice(0, 800),
        })
      })
    },
  },
]

const dead: Record<string, { reply: Reply; says: RegExp; mode: string }> = {
  'dead-invalid-grant': {
    reply: replies.json(400, { error: 'invalid_grant' }),
    says: /invalid_grant/,
    mode: 'invalid_grant',
  },
  'dead-invalid-token': {
    reply: replies.json(401, { error: 'invalid_token' }),
    says: /invalid_token/,
    mode: 'invalid_token',
  },
  'dead-reused': {
    reply: replies.json(400, { error: 'refresh_token_reused' }),
    says: /refresh_token_reused/,
    mode: 'refresh_token_reused',
  },
  'dead-401': { reply: replies.json(401), says: /401/, mode: '401' },
  'dead-403': { reply: replies.json(403, {}), says: /403/, mode: '403' },
}

const ends: Clause[] = Object.entries(dead).map(([name, { reply, says, mode }]) => ({
  name,
  async ownNas(t, bench) {
    await bench.withNas(['--dead-login', mode], async (nas) => {
      await refresh(nas.url, nas.firstRefreshToken, 'both')
      const reused = await refresh(nas.url, nas.firstRefreshToken, 'both')
      t.that('status of an old token', [400, 401, 403].includes(reused.status), {
        expected: 'refused',
        seen: reused.status,
      })
      t.equal('error', at(reused.body, 'error'), /^\d/.test(mode) ? undefined : mode)
    })
  },
  waits: 12,
  async own(t, bench) {
    await bench.withWorld(
      { identity: 'login', env: { IDLE_EXIT_MS: '1500', BOOT_GRACE_MS: '5000' } },
      async (world) => {
        world.portal.answer('token', reply)
        const { path, answer } = await world.job({ schedule: 'in 2s' })
        t.equal('status of POST /api/jobs', answer.status, 201)
        await until('the built-in trigger runs it', () => world.target.callsAt(path)[0], 12_000)
        const status = await world.anybody.get('/api/status')
        t.equal('nous_session_valid', at(status.body, 'nous_session_valid'), 'terminal')
        t.match('/api/status says why', (await world.api.get('/api/status')).text, says)
        const ended = await world.program().endsWithin(20_000)
        t.equal('the process exits by itself with nothing left to do', ended?.code, 0)
        t.equal('calls of the token endpoint', world.portal.callsOf('token').length, 1)
      },
    )
  },
}))

const transient: Clause[] = [
  passes('token-500', { call: 'token', reply: replies.json(503, { error: 'temporarily_unavailable' }) }),
  passes('token-429', {
    call: 'token',
    reply: replies.json(429, { error: 'slow_down' }, { 'Retry-After': '3' }),
    leastGapMs: 2900,
  }),
  passes('token-firewall', { call: 'token', reply: replies.firewall }),
  passes('token-transport', { call: 'token', reply: replies.cut }),
]

/** One kind of portal reads the refresh token in the header, another in the form; each takes both together. */
const nasKinds: Clause[] = (['header', 'form'] as const).map((place) => ({
  name: `token-in-${place}`,
  async ownNas(t, bench) {
    const other = place === 'header' ? 'form' : 'header'
    await bench.withNas(['--token-from', place], async (nas) => {
      const missed = await refresh(nas.url, nas.firstRefreshToken, other)
      t.that(`with the token in the ${other} only`, missed.status >= 400, {
        expected: 'refused',
        seen: missed.status,
      })
      const both = await refresh(nas.url, nas.firstRefreshToken, 'both')
      t.equal('with the token in both', both.status, 200)
      const token = textAt(both.body, 'refresh_token')
      t.equal(`with the token in the ${place} only`, (await refresh(nas.url, token, place)).status, 200)
    })
  },
}))

function refresh(base: string, token: string, where: 'both' | 'header' | 'form') {
  const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: loginClient })
  if (where !== 'header') form.set('refresh_token', token)
  return call('POST', `${base}/oauth/token`, {
    text: form.toString(),
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded',
      ...(where !== 'form' && { 'x-nous-refresh-token': token }),
    },
  })
}

export const login: Group = { name: 'login', clauses: [...grant, ...ends, ...transient, ...nasKinds] }
