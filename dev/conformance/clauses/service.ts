import type { Clause, Group } from '../kit/clause.ts'
import { call } from '../kit/http.ts'
import { at, keysOf, textAt } from '../kit/json.ts'
import { eventually, until } from '../kit/wait.ts'
import { daily } from './soon.ts'
import { freePort } from '../../free-port.ts'

/** What `GET /api/status` says to anyone. */
const openFields = ['nous_session_valid', 'provider', 'status', 'version']

const routes: Clause[] = [
  {
    name: 'healthz',
    service: {
      needs: [],
      async check(t, world) {
        t.equal('GET /healthz', (await world.anybody.get('/healthz')).status, 200)
        t.equal('GET /readyz', (await world.anybody.get('/readyz')).status, 200)
      },
    },
  },
  {
    name: 'openapi',
    service: {
      needs: [],
      async check(t, world) {
        const answer = await world.anybody.get('/openapi.json')
        t.equal('status', answer.status, 200)
        t.match('openapi', at(answer.body, 'openapi'), /^3\.1\./)
        const paths = keysOf(at(answer.body, 'paths'))
        for (const path of [
          '/api/jobs',
          '/api/jobs/{id}',
          '/api/runs/{id}',
          '/api/cron/fire',
          '/api/schedules/preview',
        ])
          t.that(`path ${path}`, paths.includes(path), { expected: 'described', seen: paths.join(', ') })
      },
    },
  },
  {
    name: 'status',
    service: {
      needs: ['key'],
      async check(t, world) {
        const answer = await world.api.get('/api/status')
        t.equal('status with a key', answer.status, 200)
        for (const field of [...openFields, 'jobs', 'owed'])
          t.that(`field ${field}`, keysOf(answer.body).includes(field), {
            expected: 'present',
            seen: keysOf(answer.body),
          })
      },
    },
  },
  {
    name: 'status-without-key',
    service: {
      needs: [],
      async check(t, world) {
        const answer = await world.anybody.get('/api/status')
        t.equal('status', answer.status, 200)
        t.equal('fields', keysOf(answer.body).sort(), openFields)
        t.match('nous_session_valid', at(answer.body, 'nous_session_valid'), /^(valid|terminal|unknown)$/)
        t.match('provider', at(answer.body, 'provider'), /^(chronos|builtin)$/)
        for (const field of ['status', 'version']) t.match(field, at(answer.body, field), /./)
      },
    },
  },
  {
    name: 'status-without-database',
    async own(t, bench) {
      await bench.withWorld({ env: { IDLE_EXIT_MS: '2500' } }, async (world) => {
        world.database.shut()
        const answer = await world.anybody.get('/api/status')
        t.equal('status with the database down', answer.status, 200)
        t.equal('fields', keysOf(answer.body).sort(), openFields)
        world.database.open()
        const asking = setInterval(() => void world.anybody.get('/api/status').catch(() => {}), 400)
        const ended = await world.program().endsWithin(15_000)
        clearInterval(asking)
        t.equal('exit status of an idle process that is asked all the time', ended?.code, 0)
      })
    },
  },
  {
    name: 'metrics',
    service: {
      needs: ['key'],
      async check(t, world) {
        const answer = await world.api.get('/metrics')
        t.equal('status', answer.status, 200)
        t.match('text', answer.text, /^# (HELP|TYPE) /m)
        t.equal('without a key', (await world.anybody.get('/metrics')).status, 401)
      },
    },
  },
]

const environment: Clause[] = [
  {
    name: 'env-problems',
    async own(t, bench) {
      const env = { PORT: 'eighty', CRON_TIMEZONE: 'Mars/Olympus', ENCRYPTION_KEY: 'short', API_KEY: 'x' }
      await bench.withWorld({ env, becomesReady: false }, async (world) => {
        const ended = await world.program().endsWithin(15_000)
        t.equal('exit status', ended?.code, 78)
        for (const name of Object.keys(env))
          t.match(`${name} is named`, world.program().log(), new RegExp(name))
      })
    },
  },
  ...Object.entries({
    'provider-unknown': { CRON_PROVIDER: 'cronos' },
    'provider-unavailable': { NAS_AUDIENCE: '', NAS_ACCESS_TOKEN: '' },
    'provider-empty': { CRON_PROVIDER: '' },
  }).map(
    ([name, env]): Clause => ({
      name,
      async own(t, bench) {
        await bench.withWorld({ env }, async (world) => {
          t.equal('provider', at((await world.anybody.get('/api/status')).body, 'provider'), 'builtin')
          if (name !== 'provider-empty')
            t.match('a warning in the log', world.program().log(), /"level":(40|"warn")|warn/i)
          const { path, id } = await world.job({ schedule: 'in 1s' })
          await until('the built-in trigger runs it', () => world.target.callsAt(path)[0])
          t.equal('calls of NAS', world.portal.callsOf('provision').length, 0)
          const run = at((await world.api.get(`/api/jobs/${id}/runs`)).body, 'runs.0')
          t.equal('trigger of the run', at(run, 'trigger'), 'builtin')
        })
      },
    }),
  ),
  {
    name: 'env-timezone',
    async own(t, bench) {
      await bench.withWorld({ env: { CRON_TIMEZONE: 'Asia/Tokyo' } }, async (world) => {
        const { answer } = await world.job({ schedule: '0 9 * * *' })
        t.match('next_run_at', at(answer.body, 'job.next_run_at'), /T00:00:00\.000Z$/)
      })
    },
  },
  {
    name: 'env-metrics-port',
    async own(t, bench) {
      const port = await freePort()
      await bench.withWorld({ env: { METRICS_PORT: String(port) } }, async (world) => {
        const answer = await call('GET', `http://127.0.0.1:${port}/metrics`)
        t.equal('status without a key', answer.status, 200)
        t.match('text', answer.text, /^# (HELP|TYPE) /m)
        t.equal('on the main port', (await world.api.get('/metrics')).status, 404)
      })
    },
  },
  {
    name: 'env-idle-exit',
    async own(t, bench) {
      await bench.withWorld({ env: { IDLE_EXIT_MS: '1500' } }, async (world) => {
        const { schedule } = daily(3_600_000)
        await world.job({ schedule })
        t.equal('exit status with an armed job', (await world.program().endsWithin(15_000))?.code, 0)
        t.equal('the arm stays', world.portal.rows.size, 1)
      })
    },
  },
  {
    name: 'env-target-allow',
    async own(t, bench) {
      await bench.withWorld({ env: { TARGET_ALLOW: '' } }, async (world) => {
        const place = world.target.place()
        const answer = await world.create({ schedule: 'every 2h' }, place)
        if (answer.status === 201) {
          const id = textAt(answer.body, 'job.id')
          await world.api.post(`/api/jobs/${id}/run`)
          await eventually(
            async () => at((await world.api.get(`/api/jobs/${id}`)).body, 'job.last_status') === 'error',
            5000,
          )
        } else t.equal('status', answer.status, 400)
        t.equal('calls of a private address', world.target.callsAt(place.path).length, 0)
      })
    },
  },
]

export const service: Group = { name: 'service', clauses: [...routes, ...environment] }
