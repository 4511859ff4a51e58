import { type Clause, everything, type Group } from '../kit/clause.ts'
import { at, keysOf, textAt } from '../kit/json.ts'
import { call } from '../kit/http.ts'
import { isLibraryName, replies } from '../kit/portal.ts'
import { atInstant, eventually, until } from '../kit/wait.ts'
import type { Tries } from '../kit/tries.ts'
import type { Nas } from '../kit/nas.ts'
import { rowOf } from '../kit/world.ts'
import { setTimeout as delay } from 'node:timers/promises'
import { becomesRight, isArmedFor, passes } from './armed.ts'
import { daily, dueJob, inOtherZone, isoIn } from './soon.ts'

const arming: Clause[] = [
  {
    name: 'provision-request',
    service: {
      needs: everything,
      async check(t, world) {
        const { id } = await world.job({ schedule: 'in 2h' })
        const [sent] = world.portal.callsOf('provision', id)
        t.equal('method and path', `${sent?.method} ${sent?.path}`, 'POST /api/agent-cron/provision')
        t.equal('fields of the body', keysOf(sent?.body).sort(), [
          'agent_callback_url',
          'dedup_key',
          'fire_at',
          'job_id',
        ])
        t.match('Content-Type', sent?.headers['content-type'], /^application\/json\b/)
      },
    },
    async nas(t, nas) {
      const jobId = nas.newJobId()
      const answer = await nas.provision(jobId, isoIn(3_600_000))
      t.equal('status', answer.status, 200)
      t.match('schedule_id', at(answer.body, 'schedule_id'), /./)
      t.equal('rows of the job', (await nas.rowsOf(jobId)).length, 1)
    },
  },
  {
    name: 'call-authorization',
    service: {
      needs: everything,
      async check(t, world) {
        const { id } = await world.job({ schedule: 'in 2h' })
        await world.api.delete(`/api/jobs/${id}`)
        await until('a cancel', () => world.portal.callsOf('cancel', id)[0])
        for (const sent of world.portal.calls.filter((it) => it.path.startsWith('/api/agent-cron/')))
          t.equal(
            `Authorization of ${sent.path}`,
            sent.headers.authorization,
            `Bearer ${world.portal.accessToken}`,
          )
      },
    },
    async nas(t, nas) {
      const { url } = nas
      const json = {
        job_id: nas.newJobId(),
        fire_at: isoIn(60_000),
        agent_callback_url: nas.agent.url,
        dedup_key: 'x',
      }
      for (const headers of [{}, { Authorization: 'Bearer wrong' }, { Authorization: nas.accessToken }]) {
        const shown = JSON.stringify(headers).replace(nas.accessToken, '…')
        t.equal(
          `provision with ${shown}`,
          (await call('POST', `${url}/api/agent-cron/provision`, { json, headers })).status,
          401,
        )
        t.equal(
          `list with ${shown}`,
          (await call('GET', `${url}/api/agent-cron/list`, { headers })).status,
          401,
        )
      }
    },
  },
  {
    name: 'call-user-agent',
    service: {
      needs: everything,
      async check(t, world) {
        const { id } = await world.job({ schedule: 'in 2h' })
        await world.api.delete(`/api/jobs/${id}`)
        await until('a cancel', () => world.portal.callsOf('cancel', id)[0])
        for (const sent of world.portal.calls) {
          const agent = sent.headers['user-agent'] ?? ''
          t.that(`User-Agent of ${sent.path}`, agent !== '' && !isLibraryName(agent), {
            expected: 'a name of its own',
            seen: agent,
          })
        }
      },
    },
    async nas(t, nas) {
      for (const agent of ['node', 'undici', 'curl/8.5.0', 'python-requests/2.32', '']) {
        const answer = await nas.provision(nas.newJobId(), isoIn(60_000), {
          headers: { 'User-Agent': agent },
        })
        t.equal(`status for User-Agent "${agent}"`, answer.status, nas.hasFirewall ? 403 : 200)
        if (nas.hasFirewall)
          t.match(`Content-Type for "${agent}"`, answer.headers.get('content-type'), /text\/html/)
      }
    },
  },
  {
    name: 'call-accept',
    service: {
      needs: everything,
      async check(t, world) {
        const { id } = await world.job({ schedule: 'in 2h' })
        await world.api.delete(`/api/jobs/${id}`)
        await until('a cancel', () => world.portal.callsOf('cancel', id)[0])
        for (const sent of world.portal.calls.filter((it) => it.name !== 'jwks'))
          t.equal(`Accept of ${sent.path}`, sent.headers.accept, 'application/json')
      },
    },
    async nas(t, nas) {
      const answer = await nas.provision(nas.newJobId(), isoIn(60_000), { headers: { Accept: '*/*' } })
      t.equal('status for Accept: */*', answer.status, nas.hasFirewall ? 403 : 200)
    },
  },
  {
    name: 'callback-base',
    service: {
      needs: everything,
      async check(t, world) {
        const { id } = await world.job({ schedule: 'in 2h' })
        const sent = world.portal.callsOf('provision', id)[0]
        const callback = String(at(sent?.body, 'agent_callback_url'))
        t.match('agent_callback_url', callback, /^https?:\/\/[^/]+(\/.*[^/])?$/)
        t.that('agent_callback_url', !callback.endsWith('/api/cron/fire'), {
          expected: 'no route',
          seen: callback,
        })
        const row = await rowOf(world, id)
        const answer = await world.portal.relay.fireNow(row)
        t.equal('status of {agent_callback_url}/api/cron/fire', answer.status, 200)
      },
    },
    async nas(t, nas) {
      const jobId = nas.newJobId()
      await nas.provision(jobId, isoIn(-1000), { callback: `${nas.agent.url}/some/base` })
      const [fire] = await until('a fire', () => nas.agent.callsOf(jobId)[0] && nas.agent.callsOf(jobId))
      t.equal('method and path', `${fire?.method} ${fire?.path}`, 'POST /some/base/api/cron/fire')
    },
  },
  {
    name: 'callback-base-cut',
    async own(t, bench) {
      const ends = ['/', '/api/cron/fire', '/api/cron/fire/', '//']
      for (const end of ends)
        await bench.withWorld({ env: { CALLBACK_URL: `https://agent.example${end}` } }, async (world) => {
          const { id } = await world.job({ schedule: 'in 2h' })
          t.equal(
            `agent_callback_url for CALLBACK_URL …${end}`,
            world.portal.rows.get(id)?.callback,
            'https://agent.example',
          )
        })
    },
  },
  {
    name: 'fire-at-form',
    service: {
      needs: everything,
      async check(t, world) {
        for (const schedule of ['in 90m', 'every 45m', '0 0 1 1 *']) {
          const { id, answer } = await world.job({ schedule })
          const fireAt = String(at(world.portal.callsOf('provision', id)[0]?.body, 'fire_at'))
          t.match(
            `fire_at of "${schedule}"`,
            fireAt,
            /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
          )
          if (schedule === '0 0 1 1 *') continue
          const next = Date.parse(textAt(answer.body, 'job.next_run_at'))
          isArmedFor(t, `fire_at of "${schedule}"`, fireAt, next)
        }
      },
    },
    async nas(t, nas) {
      const jobId = nas.newJobId()
      for (const ms of [7_200_123, 7_300_000]) {
        const written = new Date(Date.now() + ms).toISOString()
        await nas.provision(jobId, inOtherZone(written))
        const [row] = await nas.rowsOf(jobId)
        const off = Math.abs(Date.parse(textAt(row, 'fire_at')) - Date.parse(written))
        t.that(`instant in the list for ${inOtherZone(written)}`, off < 1000, {
          expected: written,
          seen: row,
        })
      }
    },
  },
  {
    name: 'dedup-key',
    service: {
      needs: everything,
      async check(t, world) {
        const { id } = await world.job({ schedule: 'every 2h' })
        const { slot: _, schedule } = daily(3_600_000)
        await world.api.patch(`/api/jobs/${id}`, { schedule })
        await until('a second provision', () => world.portal.callsOf('provision', id)[1])
        for (const { body } of world.portal.callsOf('provision', id))
          t.equal('dedup_key', at(body, 'dedup_key'), `${id}:${String(at(body, 'fire_at'))}`)
      },
    },
    async nas(t, nas) {
      const jobId = nas.newJobId()
      const fireAt = isoIn(3_600_000)
      const first = await nas.provision(jobId, fireAt)
      const again = await nas.provision(jobId, fireAt)
      const otherWriting = await nas.provision(jobId, inOtherZone(fireAt))
      for (const answer of [again, otherWriting]) {
        t.equal('status', answer.status, 200)
        t.equal('schedule_id', at(answer.body, 'schedule_id'), at(first.body, 'schedule_id'))
      }
      t.equal('rows of the job', (await nas.rowsOf(jobId)).length, 1)
    },
  },
  {
    name: 'dedup-fires-once',
    async nas(t, nas) {
      const jobId = nas.newJobId()
      const fireAt = isoIn(2000)
      await Promise.all([
        nas.provision(jobId, fireAt),
        nas.provision(jobId, fireAt),
        nas.provision(jobId, fireAt),
      ])
      await until('a fire', () => nas.agent.callsOf(jobId)[0])
      await atInstant(Date.parse(fireAt) + 1000)
      t.equal('fires', nas.agent.callsOf(jobId).length, 1)
    },
  },
  {
    name: 'provision-replaces',
    service: {
      needs: everything,
      async check(t, world) {
        const { id } = await world.job({ schedule: 'in 5h' })
        const { schedule, slot } = daily(3_600_000)
        const answer = await world.api.patch(`/api/jobs/${id}`, { schedule })
        t.equal('status of PATCH', answer.status, 200)
        isArmedFor(t, 'armed before the answer', world.portal.rows.get(id)?.fireAt, slot)
      },
    },
    async nas(t, nas) {
      const jobId = nas.newJobId()
      const later = isoIn(3_600_000)
      await nas.provision(jobId, isoIn(2000))
      const answer = await nas.provision(jobId, later)
      t.equal('status', answer.status, 200)
      const rows = await nas.rowsOf(jobId)
      t.equal('rows of the job', rows.length, 1)
      t.equal('its instant', Date.parse(textAt(rows[0], 'fire_at')), Date.parse(later))
      await eventually(() => nas.agent.callsOf(jobId)[0], 3000)
      t.equal('fires of the arm that was replaced', nas.agent.callsOf(jobId).length, 0)
    },
  },
  {
    name: 'provision-past',
    async nas(t, nas) {
      const jobId = nas.newJobId()
      const askedAt = Date.now()
      t.equal('status', (await nas.provision(jobId, isoIn(-3_600_000))).status, 200)
      const fire = await until('a fire', () => nas.agent.callsOf(jobId)[0])
      t.that('it is fired at once', fire.at - askedAt < 2000, {
        expected: 'under 2 s',
        seen: fire.at - askedAt,
      })
    },
  },
  {
    name: 'fires-at-the-instant',
    async nas(t, nas) {
      const jobId = nas.newJobId()
      const fireAt = isoIn(3000)
      await nas.provision(jobId, fireAt)
      const fire = await until('a fire', () => nas.agent.callsOf(jobId)[0])
      const late = fire.at - Date.parse(fireAt)
      t.that('lateness in ms', late >= -50 && late < 1500, { expected: '0 to 1500', seen: late })
      t.equal('job_id', at(fire.body, 'job_id'), jobId)
      t.equal('instant in the body', Date.parse(textAt(fire.body, 'fire_at')), Date.parse(fireAt))
      t.match('Content-Type', fire.headers['content-type'], /^application\/json\b/)
    },
  },
  {
    name: 'callback-before-answer',
    service: {
      needs: everything,
      async check(t, world) {
        const { schedule } = daily(4000)
        let early: Promise<number> | undefined
        world.portal.answer('provision', async (received, _, usual) => {
          world.portal.answer('provision')
          early = world.fire(at(received.body, 'job_id')).then((answer) => answer.status)
          await delay(500)
          usual()
        })
        const { id, path } = await world.job({ schedule })
        t.oneOf('status of the fire before the answer', await early, [200, 202, 503])
        await becomesRight(t, world, { id, path })
      },
    },
  },
  {
    name: 'callback-inside-provision',
    async ownNas(t, bench) {
      await bench.withNas(['--callback', 'before'], async (nas) => {
        const jobId = nas.newJobId()
        t.equal('status', (await nas.provision(jobId, isoIn(-1000))).status, 200)
        const answeredAt = Date.now()
        const fire = await until('a fire', () => nas.agent.callsOf(jobId)[0])
        t.that('the fire came first', fire.at <= answeredAt, {
          expected: 'before the answer',
          seen: fire.at - answeredAt,
        })
      })
    },
    waits: 12,
    async own(t, bench) {
      await bench.withWorld({}, async (world) => {
        const { schedule } = daily(8000)
        let early: Promise<number> | undefined
        world.portal.answer('provision', async (received, _, usual) => {
          world.portal.answer('provision')
          early = world.fire(at(received.body, 'job_id')).then((answer) => answer.status)
          await early
          usual()
        })
        const place = world.target.place()
        const made = await world.create({ schedule }, place)
        t.oneOf('status of POST /api/jobs', made.status, [201, 424])
        t.oneOf('status of a fire for whose answer NAS waits', await early, [200, 202, 503])
        const id = textAt((await world.api.get('/api/jobs')).body, 'jobs.0.id')
        await becomesRight(t, world, { id, path: place.path })
      })
    },
  },
  {
    name: 'provision-any-2xx',
    async ownNas(t, bench) {
      for (const mode of ['201', '204', 'empty', 'no-id'])
        await bench.withNas(['--provision-answer', mode], async (nas) => {
          const jobId = nas.newJobId()
          const { status } = await nas.provision(jobId, isoIn(3_600_000))
          t.that(`--provision-answer ${mode}`, status >= 200 && status < 300, {
            expected: '2xx',
            seen: status,
          })
          t.equal(`--provision-answer ${mode}: rows`, (await nas.rowsOf(jobId)).length, 1)
        })
    },
    service: {
      needs: everything,
      async check(t, world) {
        const cases = {
          'without schedule_id': replies.json(200, {}),
          'without a body': replies.json(204),
          'with text': replies.text(201, 'created'),
          'with an empty 200': replies.text(200, ''),
          'with a list': replies.json(200, []),
        }
        for (const [name, reply] of Object.entries(cases)) {
          world.portal.answer('provision', reply)
          const answer = await world.create({ schedule: 'in 2h' })
          t.equal(`status of POST /api/jobs, provision ${name}`, answer.status, 201)
          t.equal(`armed, provision ${name}`, at(answer.body, 'job.armed'), true)
        }
      },
    },
  },
  {
    name: 'cancel-request',
    service: {
      needs: everything,
      async check(t, world) {
        const { id } = await world.job({ schedule: 'in 2h' })
        await world.api.delete(`/api/jobs/${id}`)
        const sent = await until('a cancel', () => world.portal.callsOf('cancel', id)[0])
        t.equal('method and path', `${sent.method} ${sent.path}`, 'POST /api/agent-cron/cancel')
        t.equal('body', sent.body, { job_id: id })
        t.equal('row at NAS', world.portal.rows.get(id), undefined)
      },
    },
    async nas(t, nas) {
      const jobId = nas.newJobId()
      await nas.provision(jobId, isoIn(2000))
      const answer = await nas.cancel(jobId)
      t.equal('status', answer.status, 200)
      t.equal('body', answer.body, { ok: true })
      t.equal('rows of the job', (await nas.rowsOf(jobId)).length, 0)
      await eventually(() => nas.agent.callsOf(jobId)[0], 3000)
      t.equal('fires', nas.agent.callsOf(jobId).length, 0)
    },
  },
  {
    name: 'cancel-unknown',
    async nas(t, nas) {
      const answer = await nas.cancel(nas.newJobId())
      t.equal('status', answer.status, 200)
      t.equal('ok', at(answer.body, 'ok'), true)
    },
  },
  {
    name: 'list-shape',
    async nas(t, nas) {
      const jobId = nas.newJobId()
      const made = await nas.provision(jobId, isoIn(3_600_000))
      const answer = await nas.list()
      t.equal('status', answer.status, 200)
      t.that('armed is a list', Array.isArray(at(answer.body, 'armed')), {
        expected: 'a list',
        seen: answer.body,
      })
      const [row] = await nas.rowsOf(jobId)
      for (const field of ['job_id', 'fire_at', 'schedule_id']) t.match(field, at(row, field), /./)
      t.equal('schedule_id', at(row, 'schedule_id'), at(made.body, 'schedule_id'))
    },
  },
  {
    name: 'list-lost-row',
    service: {
      needs: everything,
      async check(t, world) {
        const { id } = await world.job({ schedule: 'in 2h' })
        world.portal.rows.delete(id)
        const answer = await world.api.post('/api/cron/reconcile')
        t.equal('status', answer.status, 200)
        t.that('the row is there again', Boolean(await eventually(() => world.portal.rows.get(id), 3000)), {
          expected: 'a row',
          seen: 'none',
        })
      },
    },
  },
  {
    name: 'list-reformatted',
    async ownNas(t, bench) {
      for (const mode of ['utc', 'offset'])
        await bench.withNas(['--fire-at', mode], async (nas) => {
          const jobId = nas.newJobId()
          const fireAt = isoIn(1500)
          await nas.provision(jobId, fireAt)
          const [row] = await nas.rowsOf(jobId)
          t.equal(
            `--fire-at ${mode}: instant in the list`,
            Date.parse(textAt(row, 'fire_at')),
            Date.parse(fireAt),
          )
          const { body } = await until('a fire', () => nas.agent.callsOf(jobId)[0])
          t.equal(
            `--fire-at ${mode}: instant in the fire`,
            Date.parse(textAt(body, 'fire_at')),
            Date.parse(fireAt),
          )
        })
    },
    service: {
      needs: everything,
      async check(t, world) {
        const { id } = await world.job({ schedule: 'in 2h' })
        world.portal.relay.format = inOtherZone
        const before = world.portal.callsOf('provision', id).length
        for (let i = 0; i < 3; i++)
          t.equal('status', (await world.api.post('/api/cron/reconcile')).status, 200)
        t.equal('provisions since', world.portal.callsOf('provision', id).length - before, 0)
      },
    },
  },
  {
    name: 'list-missing',
    async ownNas(t, bench) {
      await bench.withNas(['--list', 'missing'], async (nas) => {
        t.equal('status of the list', (await nas.list()).status, 404)
        const jobId = nas.newJobId()
        t.equal('status of a provision', (await nas.provision(jobId, isoIn(-1000))).status, 200)
        t.that('it is fired', Boolean(await until('a fire', () => nas.agent.callsOf(jobId)[0])), {
          expected: 'a fire',
          seen: 'none',
        })
      })
    },
    service: {
      needs: everything,
      async check(t, world) {
        world.portal.answer('list', replies.json(404, { error: 'not_found' }))
        const { id, path, slot } = await dueJob(world)
        t.equal(
          'status of POST /api/cron/reconcile',
          (await world.api.post('/api/cron/reconcile')).status,
          200,
        )
        const row = await rowOf(world, id)
        world.portal.relay.retention = 'delete'
        await atInstant(slot)
        t.equal('status of the fire', (await world.portal.relay.fireNow(row)).status, 202)
        await until('the run', () => world.target.callsAt(path)[0])
        const next = await eventually(() => {
          const held = world.portal.rows.get(id)
          return held && Date.parse(held.fireAt) > slot + 60_000 ? held : null
        }, 5000)
        t.that('armed for the next slot', next !== null, {
          expected: 'tomorrow',
          seen: world.portal.rows.get(id) ?? 'no row',
        })
      },
    },
  },
]

const refusals: Clause[] = [
  {
    name: 'invalid-client',
    async own(t, bench) {
      const before = {
        before: (portal: { answer: (name: 'provision', reply: ReturnType<typeof replies.json>) => void }) =>
          portal.answer('provision', replies.json(403, { error: 'invalid_client' })),
      }
      await bench.withWorld(before, async (world) => {
        const first = await world.job({ schedule: 'in 2s' })
        t.equal('status of POST /api/jobs', first.answer.status, 201)
        await until('the built-in trigger runs it', () => world.target.callsAt(first.path)[0])
        const calls = world.portal.callsOf('provision').length
        t.equal('provisions until it was known', calls, 1)
        const second = await world.job({ schedule: 'in 1s' })
        t.equal('status of a second POST /api/jobs', second.answer.status, 201)
        await until('it runs too', () => world.target.callsAt(second.path)[0])
        t.equal('provisions since', world.portal.callsOf('provision').length - calls, 0)
        t.equal('runs of the first', world.target.callsAt(first.path).length, 1)
      })
    },
  },
  passes('transient-500', { call: 'provision', reply: replies.json(500, { error: 'internal' }) }),
  passes('transient-429', {
    call: 'provision',
    reply: replies.json(429, { error: 'too_many' }, { 'Retry-After': '3' }),
    leastGapMs: 2900,
  }),
  passes('transient-firewall', { call: 'provision', reply: replies.firewall }),
  passes('transient-transport', { call: 'provision', reply: replies.cut }),
  {
    name: 'call-timeout',
    waits: 16,
    async own(t, bench) {
      await bench.withWorld({}, async (world) => {
        world.portal.answer('provision', replies.hang)
        const answer = await world.create({ schedule: 'in 2h' })
        t.equal('status of POST /api/jobs', answer.status, 424)
        const sent = world.portal.callsOf('provision')[0]!
        await eventually(() => sent.closedAt, 17_000)
        const ms = (sent.closedAt ?? Number.POSITIVE_INFINITY) - sent.at
        t.that('given up after', ms <= 16_000, { expected: 'at most 15 s', seen: ms })
      })
    },
  },
  {
    name: 'horizon',
    async own(t, bench) {
      await bench.withWorld({ env: { NAS_MAX_HORIZON: '60000' } }, async (world) => {
        const { id, path } = await world.job({ schedule: 'in 2h' })
        const row = await rowOf(world, id)
        const ahead = Date.parse(row.fireAt) - Date.now()
        t.that('armed at the horizon', ahead <= 61_000 && ahead > 30_000, {
          expected: '60 s ahead',
          seen: ahead,
        })
        const answer = await world.portal.relay.fireNow(row)
        t.equal('status of a wake there', answer.status, 200)
        t.equal('answer of a wake there', at(answer.body, 'status'), 'not_due')
        const next = world.portal.rows.get(id)
        const again = Date.parse(next?.fireAt ?? '') - Date.now()
        t.that('armed at the horizon again', again <= 61_000 && again > 0, {
          expected: '60 s ahead',
          seen: again,
        })
        t.equal('runs', world.target.callsAt(path).length, 0)
      })
    },
  },
  {
    name: 'horizon-default',
    service: {
      needs: everything,
      async check(t, world) {
        const { id } = await world.job({ schedule: 'in 30d' })
        const days = (Date.parse((await rowOf(world, id)).fireAt) - Date.now()) / 86_400_000
        t.that('days ahead', days <= 7.001 && days > 6, { expected: 'at most 7', seen: days })
      },
    },
  },
]

const relaying: Clause[] = [
  {
    name: 'fire-retries',
    waits: 9,
    async ownNas(t, bench) {
      await bench.withNas(['--retry-scale', '0.3'], async (nas) => {
        const jobId = nas.newJobId()
        nas.agent.answer(jobId, (tries) => (tries < 4 ? [404, 500, 503][tries - 1]! : 202))
        await nas.provision(jobId, isoIn(-1000))
        await until('four tries', () => nas.agent.callsOf(jobId).length >= 4, 40_000)
        const times = nas.agent.callsOf(jobId).map((it) => it.at)
        const gaps = times.slice(1, 4).map((time, i) => time - times[i]!)
        t.that('growing gaps', gaps[0]! < gaps[1]! && gaps[1]! < gaps[2]!, {
          expected: 'each longer',
          seen: gaps,
        })
        await eventually(() => nas.agent.callsOf(jobId)[4], 3000)
        t.equal('tries after the 2xx', nas.agent.callsOf(jobId).length - 4, 0)
      })
    },
  },
  {
    name: 'retention',
    async ownNas(t, bench) {
      const modes = [
        { rows: 'delivered', left: 0, leftOfNewer: 1 },
        { rows: 'kept', left: 1, leftOfNewer: 1 },
        { rows: 'forgotten', left: 0, leftOfNewer: 0 },
      ]
      for (const { rows, left, leftOfNewer } of modes)
        await bench.withNas(['--rows', rows], async (nas) => {
          const jobId = nas.newJobId()
          await nas.provision(jobId, isoIn(-1000))
          await hasRows(t, nas, `--rows ${rows}, after a 2xx`, jobId, left)
          const again = nas.newJobId()
          nas.agent.during(again, () => nas.provision(again, isoIn(3_600_000)))
          await nas.provision(again, isoIn(-1000))
          await hasRows(t, nas, `--rows ${rows}, armed again before the 2xx`, again, leftOfNewer)
        })
    },
  },
]

/** The rows of a job once its first fire has been answered, whatever came before. */
async function hasRows(t: Tries, nas: Nas, what: string, jobId: string, expected: number): Promise<void> {
  await until('a fire', () => nas.agent.callsOf(jobId)[0]?.answeredAt)
  await eventually(async () => (await nas.rowsOf(jobId)).length === expected, 1500)
  t.equal(what, (await nas.rowsOf(jobId)).length, expected)
}

/** How often NAS is asked, which costs money; and what is left of a row after a 2xx, which is unspecified. */
const counting: Clause[] = (
  [
    ['keep', 'provisions-kept', 1],
    ['delete', 'provisions-forgotten', 2],
    ['delete_any', 'provisions-forgotten-new', 2],
  ] as const
).map(([retention, name, each]) => ({
  name,
  waits: 24,
  async own(t, bench) {
    await bench.withWorld({}, async (world) => {
      Object.assign(world.portal.relay, { isRunning: true, retention })
      const { id, path } = await world.job({ schedule: 'every 2s' })
      const delivered = () =>
        world.portal.relay.fires.filter((it) => it.answer && it.answer.status < 300).length
      await eventually(() => delivered() >= 10, 32_000)
      const fires = world.portal.relay.fires.length
      const provisions = world.portal.callsOf('provision', id).length
      t.that('fires', delivered() >= 10, { expected: 'ten, each followed by the next', seen: delivered() })
      t.that(`provisions for ${fires} fires`, provisions <= 1 + each * fires, {
        expected: `at most ${1 + each * fires}`,
        seen: provisions,
      })
      await world.api.post(`/api/jobs/${id}/pause`)
      const slots = world.target.callsAt(path).map((it) => it.headers['x-chronos-slot'])
      t.that('runs', slots.length >= 9, { expected: 'nine or more', seen: slots.length })
      t.equal('slots that ran twice', slots.length - new Set(slots).size, 0)
    })
  },
}))

export const arms: Group = { name: 'arms', clauses: [...arming, ...refusals, ...relaying, ...counting] }
