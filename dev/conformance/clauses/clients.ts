import { type Clause, type Group, onService as clause } from '../kit/clause.ts'
import type { Answer } from '../kit/http.ts'
import { at, keysOf, listAt, textAt } from '../kit/json.ts'
import type { Tries } from '../kit/tries.ts'
import { eventually, until } from '../kit/wait.ts'
import type { World } from '../kit/world.ts'
import { isProblem } from './answers.ts'
import { nonce } from './soon.ts'

/** Creates a job as those clients do: with the short form, whatever else they send. */
function create(world: World, fields: Record<string, unknown>): Promise<Answer> {
  const short = { name: nonce(), action: undefined, schedule: 'every 2h', prompt: 'Say hello' }
  return world.create({ ...short, ...fields })
}

/** Accepted; and the field is translated into the job, or the answer says that it was ignored. */
function isKnown(t: Tries, answer: Answer, field: string, value: unknown): void {
  const what = `${field}: ${JSON.stringify(value)}`
  t.that(`${what}: accepted`, answer.status === 201 || answer.status === 200, {
    expected: '2xx',
    seen: `${answer.status} ${answer.text}`,
  })
  if (answer.status >= 300) return
  const ignored = at(answer.body, 'ignored')
  const isIgnored = Array.isArray(ignored) && ignored.includes(field)
  const kept = at(answer.body, `job.${field}`)
  t.that(`${what}: translated, or in \`ignored\``, isIgnored || (kept !== undefined && kept !== null), {
    expected: `job.${field} or "ignored": ["${field}"]`,
    seen: { ignored, kept },
  })
}

const fields: Clause[] = [
  clause('client-enabled', async (t, world) => {
    const off = await create(world, { enabled: false })
    t.equal('status of POST with enabled false', off.status, 201)
    t.equal('state', at(off.body, 'job.state'), 'paused')
    t.equal('enabled', at(off.body, 'job.enabled'), false)
    const id = textAt(off.body, 'job.id')
    const on = await world.api.patch(`/api/jobs/${id}`, { enabled: true })
    t.equal('status of PATCH enabled true', on.status, 200)
    t.equal('state', at(on.body, 'job.state'), 'scheduled')
    const again = await world.api.patch(`/api/jobs/${id}`, { enabled: false })
    t.equal('state after PATCH enabled false', at(again.body, 'job.state'), 'paused')
    const plain = await create(world, { enabled: true })
    t.equal('state of POST with enabled true', at(plain.body, 'job.state'), 'scheduled')
  }),
  clause('client-paused', async (t, world) => {
    const answer = await create(world, { paused: true, paused_reason: 'by hand' })
    t.equal('status', answer.status, 201)
    t.equal('state', at(answer.body, 'job.state'), 'paused')
    t.equal('paused_reason', at(answer.body, 'job.paused_reason'), 'by hand')
  }),
  clause('client-skill', async (t, world) => {
    const answer = await create(world, { skill: 'news' })
    isKnown(t, answer, 'skill', 'news')
    t.equal('skills', at(answer.body, 'job.skills'), ['news'])
  }),
  clause('client-prompt-empty', async (t, world) => {
    const answer = await create(world, { prompt: '', skills: ['news'] })
    t.equal('status', answer.status, 201)
    t.equal('skills', at(answer.body, 'job.skills'), ['news'])
    t.equal('with one skill', (await create(world, { prompt: '', skill: 'news' })).status, 201)
  }),
  clause('client-input', async (t, world) => {
    isKnown(t, await create(world, { input: 'what to do' }), 'input', 'what to do')
  }),
  ...Object.entries({
    model: ['gpt-5', null],
    provider: ['openrouter', null],
    origin: [{ platform: 'telegram', chat_id: '5' }, 'cli', null],
    profile: ['work'],
  }).map(([field, values]) =>
    clause(`client-${field}`, async (t, world) => {
      for (const value of values as unknown[]) {
        const answer = await create(world, { [field]: value })
        if (value === null) t.equal(`${field}: null: status`, answer.status, 201)
        else isKnown(t, answer, field, value)
      }
    }),
  ),
  clause('client-repeat', async (t, world) => {
    const cases: [unknown, number | null][] = [
      [3, 3],
      [{ times: 4, completed: 0 }, 4],
      [{ times: null, completed: 0 }, null],
      [{ times: 2 }, 2],
      ['forever', null],
      [null, null],
    ]
    for (const [repeat, times] of cases) {
      const answer = await create(world, { repeat })
      t.equal(`repeat ${JSON.stringify(repeat)}: status`, answer.status, 201)
      t.equal(`repeat ${JSON.stringify(repeat)}: repeat.times`, at(answer.body, 'job.repeat.times'), times)
      t.equal(
        `repeat ${JSON.stringify(repeat)}: repeat.completed`,
        at(answer.body, 'job.repeat.completed'),
        0,
      )
    }
  }),
  clause('client-repeat-once', async (t, world) => {
    const answer = await create(world, { schedule: 'in 2h' })
    t.equal('repeat.times of a one-shot', at(answer.body, 'job.repeat.times'), 1)
  }),
  clause('client-deliver', async (t, world) => {
    for (const deliver of [
      'local',
      'origin',
      'all',
      'telegram:12345',
      'discord:1:2',
      'origin,telegram:12345',
      'local, slack:C0',
      'telegram',
    ]) {
      const answer = await create(world, { deliver })
      t.equal(`deliver "${deliver}": status`, answer.status, 201)
      const kept = await world.api.get(`/api/jobs/${textAt(answer.body, 'job.id')}`)
      t.that(`deliver "${deliver}": kept`, Boolean(at(kept.body, 'job.deliver')), {
        expected: deliver,
        seen: at(kept.body, 'job.deliver'),
      })
    }
  }),
  clause('client-deliver-unknown', async (t, world) => {
    const unknown = `nobody-${nonce()
      .toLowerCase()
      .replaceAll(/[^a-z0-9]/g, '')}`
    const answer = await create(world, { deliver: unknown })
    t.equal('status', answer.status, 201)
    const warnings = at(answer.body, 'warnings')
    t.that('warnings', Array.isArray(warnings) && JSON.stringify(warnings).includes(unknown), {
      expected: `one that names ${unknown}`,
      seen: warnings,
    })
    const local = at((await create(world, { deliver: 'local' })).body, 'warnings')
    const names = Array.isArray(local) && /\blocal\b/.test(JSON.stringify(local))
    t.that('warnings for local', !names, { expected: 'none that names it', seen: local })
  }),
  clause('client-query', async (t, world) => {
    for (const query of ['?profile=work', '?include_disabled=yes', '?include_disabled=yes&profile=work']) {
      const answer = await world.api.get(`/api/jobs${query}`)
      t.equal(`GET /api/jobs${query}`, answer.status, 200)
    }
  }),
  clause('client-patch', async (t, world) => {
    const id = textAt((await create(world, {})).body, 'job.id')
    const changes: [Record<string, unknown>, path: string, expected: unknown][] = [
      [{ skill: 'news' }, 'job.skills', ['news']],
      [{ repeat: { times: 3, completed: 0 } }, 'job.repeat.times', 3],
      [{ repeat: 'forever' }, 'job.repeat.times', null],
      [{ paused: true }, 'job.state', 'paused'],
      [{ paused: false }, 'job.state', 'scheduled'],
    ]
    for (const [change, path, expected] of changes) {
      const answer = await world.api.patch(`/api/jobs/${id}`, change)
      t.equal(`PATCH ${JSON.stringify(change)}`, answer.status, 200)
      t.equal(`${path} then`, at(answer.body, path), expected)
    }
    for (const [field, value] of Object.entries({ deliver: 'origin', model: 'gpt-5', provider: 'x' }))
      isKnown(t, await world.api.patch(`/api/jobs/${id}`, { [field]: value }), field, value)
  }),
  clause('client-name', async (t, world) => {
    const name = nonce()
    t.equal('trimmed', at((await create(world, { name: `  ${name}\t` })).body, 'job.name'), name)
    for (const blank of ['', '   ', '\t\n']) {
      const answer = await create(world, { name: blank })
      t.equal(`name ${JSON.stringify(blank)}`, answer.status, 400)
      isProblem(t, `name ${JSON.stringify(blank)}`, answer)
    }
  }),
  clause('client-job-fields', async (t, world) => {
    const answer = await create(world, {})
    const names = keysOf(at(answer.body, 'job'))
    for (const field of ['skill', 'model', 'provider', 'origin', 'last_delivery_error'])
      t.that(`field ${field}`, names.includes(field), { expected: 'present', seen: names.join(', ') })
    t.equal('last_delivery_error', at(answer.body, 'job.last_delivery_error'), null)
  }),
  clause('client-typo', async (t, world) => {
    for (const field of ['enabeld', 'skil', 'modell', 'delivery', 'prompts']) {
      const answer = await create(world, { [field]: 'x' })
      t.equal(field, answer.status, 400)
      t.match(`${field} is named`, answer.text, new RegExp(field))
    }
  }),
]

const routes: Clause[] = [
  clause(
    'client-health',
    async (t, world) => {
      for (const path of ['/health', '/v1/health']) {
        const answer = await world.api.get(path)
        t.equal(`GET ${path}`, answer.status, 200)
        t.equal(`GET ${path}: status`, at(answer.body, 'status'), 'ok')
      }
    },
    ['key'],
  ),
  clause(
    'client-capabilities',
    async (t, world) => {
      const answer = await world.api.get('/v1/capabilities')
      t.equal('status', answer.status, 200)
      t.match('object', at(answer.body, 'object'), /./)
      t.equal('platform, by which clients know the API', at(answer.body, 'platform'), 'hermes-agent')
      t.equal('auth', at(answer.body, 'auth'), { type: 'bearer', required: true })
      const models = await world.api.get('/v1/models')
      t.equal('model is the first of /v1/models', at(answer.body, 'model'), at(models.body, 'data.0.id'))
      const features = Object.entries(at(answer.body, 'features') ?? {})
      t.that('features', features.length > 0 && features.every(([, has]) => typeof has === 'boolean'), {
        expected: 'true or false each',
        seen: features,
      })
      t.equal('features.jobs_api', at(answer.body, 'features.jobs_api'), true)
      for (const chat of ['chat_completions', 'run_submission', 'session_resources'])
        t.equal(`features.${chat}`, at(answer.body, `features.${chat}`), false)
      const endpoints = Object.entries(at(answer.body, 'endpoints') ?? {})
      t.that('endpoints', endpoints.length > 5, { expected: 'the routes of jobs', seen: endpoints })
      for (const [name, endpoint] of endpoints) {
        const [method, path] = [at(endpoint, 'method'), String(at(endpoint, 'path'))]
        if (method !== 'GET' || path.includes('{')) continue
        t.equal(`endpoint ${name}: GET ${path}`, (await world.api.get(path)).status, 200)
      }
    },
    ['key'],
  ),
  clause(
    'client-models',
    async (t, world) => {
      const answer = await world.api.get('/v1/models')
      t.equal('status', answer.status, 200)
      t.equal('object', at(answer.body, 'object'), 'list')
      const models = listAt(answer.body, 'data')
      t.that('data', models.length > 0, { expected: 'a model at least', seen: answer.text })
      for (const model of models) {
        for (const field of ['id', 'owned_by']) t.match(field, at(model, field), /./)
        t.equal('object of a model', at(model, 'object'), 'model')
        t.equal('created', typeof at(model, 'created'), 'number')
      }
    },
    ['key'],
  ),
  clause('client-output', async (t, world) => {
    const { id, path } = await world.job({ schedule: 'every 2h' }, world.target.place({ body: 'the-output' }))
    const empty = await world.api.get(`/api/jobs/${id}/output`)
    t.equal('status before any run', empty.status, 200)
    await world.api.post(`/api/jobs/${id}/run`)
    await until('the run', () => world.target.callsAt(path)[0])
    const shows = async () => (await world.api.get(`/api/jobs/${id}/output`)).text.includes('the-output')
    t.that('it shows the output', await eventually(shows, 5000), {
      expected: 'the-output',
      seen: (await world.api.get(`/api/jobs/${id}/output`)).text,
    })
    t.equal('status for an unknown job', (await world.api.get('/api/jobs/fedcba987654/output')).status, 404)
  }),
  clause('client-executions', async (t, world) => {
    const { id } = await world.job({ schedule: 'every 2h' })
    const started = await world.api.post(`/api/jobs/${id}/run`)
    const runId = textAt(started.body, 'run.id')
    const answer = await world.api.get(`/api/jobs/${id}/executions`)
    t.equal('status', answer.status, 200)
    t.equal('the run is in it', at(answer.body, 'executions.0.id'), runId)
    t.equal(
      'status for an unknown job',
      (await world.api.get('/api/jobs/fedcba987654/executions')).status,
      404,
    )
  }),
]

const browsers: Clause[] = [
  {
    name: 'cors',
    async own(t, bench) {
      const origin = 'https://dash.example'
      await bench.withWorld({ env: { CORS_ORIGINS: `${origin},https://other.example` } }, async (world) => {
        const answer = await world.api.get('/api/jobs', { Origin: origin })
        t.equal('Access-Control-Allow-Origin', answer.headers.get('access-control-allow-origin'), origin)
        const asked = {
          Origin: origin,
          'Access-Control-Request-Method': 'PATCH',
          'Access-Control-Request-Headers': 'authorization,content-type',
        }
        const preflight = await world.anybody.options('/api/jobs', asked)
        t.that('status of the preflight', preflight.status === 200 || preflight.status === 204, {
          expected: '200 or 204',
          seen: preflight.status,
        })
        t.equal('its origin', preflight.headers.get('access-control-allow-origin'), origin)
        t.match('its methods', preflight.headers.get('access-control-allow-methods'), /PATCH/)
        t.match('its headers', preflight.headers.get('access-control-allow-headers'), /authorization/i)
        const foreign = await world.api.get('/api/jobs', { Origin: 'https://evil.example' })
        t.equal('for another origin', foreign.headers.get('access-control-allow-origin'), null)
      })
    },
  },
  clause(
    'cors-default',
    async (t, world) => {
      const answer = await world.api.get('/api/jobs', { Origin: 'https://dash.example' })
      t.equal('Access-Control-Allow-Origin', answer.headers.get('access-control-allow-origin'), null)
    },
    ['key'],
  ),
]

export const clients: Group = { name: 'clients', clauses: [...fields, ...routes, ...browsers] }
