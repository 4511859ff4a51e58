import { type Clause, everything, type Group, onService as clause } from '../kit/clause.ts'
import { at, keysOf, listAt, textAt } from '../kit/json.ts'
import { replies } from '../kit/portal.ts'
import { eventually, until } from '../kit/wait.ts'
import { rowOf, type World } from '../kit/world.ts'
import { refusedWith } from './answers.ts'
import { dueJob, nonce } from './soon.ts'

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

const jobFields = [
  ...[
    'id',
    'name',
    'schedule',
    'schedule_display',
    'timezone',
    'prompt',
    'skills',
    'deliver',
    'action',
    'enabled',
  ],
  ...[
    'state',
    'next_run_at',
    'last_run_at',
    'last_status',
    'last_error',
    'latest_execution',
    'repeat',
    'armed',
  ],
  ...['paused_at', 'paused_reason', 'failure_streak', 'tags', 'created_at', 'updated_at', 'version'],
]

async function idsIn(world: World, query: string): Promise<string[]> {
  const answer = await world.api.get(`/api/jobs${query}`)
  return listAt(answer.body, 'jobs').map((job) => textAt(job, 'id'))
}

const access: Clause[] = [
  clause(
    'key-required',
    async (t, world) => {
      const calls = [
        'GET /api/jobs',
        'POST /api/jobs',
        'GET /api/jobs/ab12cd34ef56',
        'GET /api/runs',
        'POST /api/cron/reconcile',
        'POST /api/schedules/preview',
      ]
      const wrong = [
        {},
        { Authorization: 'Bearer wrong-key-wrong-key' },
        { Authorization: 'Basic eDp5' },
        { Authorization: 'Bearer ' },
      ]
      for (const one of calls)
        for (const headers of wrong) {
          const [method, path = ''] = one.split(' ')
          const answer =
            method === 'GET'
              ? await world.anybody.get(path, headers)
              : await world.anybody.post(path, {}, headers)
          refusedWith(t, `${one} with ${JSON.stringify(headers)}`, answer, 401)
        }
    },
    [],
  ),
  clause('problem-json', async (t, world) => {
    refusedWith(t, 'an id of another form', await world.api.get('/api/jobs/not-an-id'), 400)
    refusedWith(t, 'an unknown job', await world.api.get('/api/jobs/fedcba987654'), 404)
    refusedWith(t, 'an unknown path', await world.api.get('/api/no-such-thing'), 404)
    refusedWith(
      t,
      'a schedule that cannot be read',
      await world.api.post('/api/schedules/preview', { schedule: 'x' }),
      400,
    )
  }),
]

const creating: Clause[] = [
  clause('create-short', async (t, world) => {
    const name = nonce()
    const body = { name, schedule: 'in 2h', prompt: 'Say hello', deliver: 'local', repeat: 1 }
    const answer = await world.api.post('/api/jobs', body)
    t.equal('status', answer.status, 201)
    const id = textAt(answer.body, 'job.id')
    t.match('id', id, /^[0-9a-f]{12}$/)
    t.match('Location', answer.headers.get('location'), new RegExp(`/api/jobs/${id}$`))
    t.equal('name', at(answer.body, 'job.name'), name)
    t.equal('prompt', at(answer.body, 'job.prompt'), 'Say hello')
    await world.api.delete(`/api/jobs/${id}`)
  }),
  clause('create-action', async (t, world) => {
    const place = world.target.place()
    const { id, answer } = await world.job({ schedule: 'in 2h' }, place)
    t.equal('action.type', at(answer.body, 'job.action.type'), 'http')
    t.equal('action.url', at(answer.body, 'job.action.url'), place.url)
    t.equal('read again', at((await world.api.get(`/api/jobs/${id}`)).body, 'job.action.url'), place.url)
  }),
  clause('create-idempotent', async (t, world) => {
    const headers = { 'Idempotency-Key': nonce() }
    const body = { name: nonce(), schedule: 'in 2h', action: { type: 'http', url: world.target.place().url } }
    const first = await world.api.post('/api/jobs', body, headers)
    const again = await world.api.post('/api/jobs', body, headers)
    t.equal('status', first.status, 201)
    t.oneOf('status of the same again', again.status, [200, 201])
    t.equal('id of the same again', at(again.body, 'job.id'), at(first.body, 'job.id'))
    t.equal('jobs made', (await idsIn(world, `?q=${body.name}`)).length, 1)
    await world.api.delete(`/api/jobs/${textAt(first.body, 'job.id')}`)
  }),
  {
    name: 'create-unarmed',
    async own(t, bench) {
      await bench.withWorld({}, async (world) => {
        world.portal.answer('provision', replies.json(500))
        const answer = await world.create({ schedule: 'in 2h' })
        refusedWith(t, 'NAS answers 500', answer, 424)
        t.equal('job_saved', at(answer.body, 'job_saved'), true)
        t.equal('scheduler_registered', at(answer.body, 'scheduler_registered'), false)
        t.equal('retry_create', at(answer.body, 'retry_create'), false)
        t.match('job_id at the top', at(answer.body, 'job_id'), /^[0-9a-f]{12}$/)
        const id = String(at(answer.body, 'job_id') ?? at(answer.body, 'job.id'))
        const kept = await world.api.get(`/api/jobs/${id}`)
        t.equal('it is saved', kept.status, 200)
        t.equal('armed', at(kept.body, 'job.armed'), false)
      })
    },
  },
  clause('create-unknown-field', async (t, world) => {
    for (const field of ['timezon', 'promt', 'enable', 'schedulle']) {
      const answer = await world.create({ schedule: 'in 2h', [field]: 'x' })
      refusedWith(t, field, answer, 400)
      t.match(`${field} is named`, answer.text, new RegExp(field))
    }
  }),
  clause('create-bad', async (t, world) => {
    const action = { type: 'http', url: world.target.place().url }
    const bad = {
      'a schedule that cannot be read': { name: 'x', schedule: 'now and then', action },
      'no schedule': { name: 'x', action },
      'a zone that is none': { name: 'x', schedule: '0 9 * * *', timezone: 'Mars/Olympus', action },
      'a one-shot more than 120 s ago': {
        name: 'x',
        schedule: new Date(Date.now() - 180_000).toISOString(),
        action,
      },
      'a list': [],
    }
    for (const [what, body] of Object.entries(bad))
      refusedWith(t, what, await world.api.post('/api/jobs', body), 400)
  }),
]

const reading: Clause[] = [
  clause('job-shape', async (t, world) => {
    const { id } = await world.job({ schedule: 'every 90m', tags: ['conformance', 'shape'] })
    const job = at((await world.api.get(`/api/jobs/${id}`)).body, 'job')
    const names = keysOf(job)
    for (const field of jobFields)
      t.that(`field ${field}`, names.includes(field), { expected: 'present', seen: names.join(', ') })
    t.equal('schedule.kind', at(job, 'schedule.kind'), 'interval')
    t.equal('schedule.every_ms', at(job, 'schedule.every_ms'), 5_400_000)
    t.equal('schedule.minutes', at(job, 'schedule.minutes'), 90)
    t.equal('schedule_display', at(job, 'schedule_display'), at(job, 'schedule.display'))
    t.match('schedule_display', at(job, 'schedule_display'), /./)
    t.equal('enabled', at(job, 'enabled'), true)
    t.equal('state', at(job, 'state'), 'scheduled')
    for (const field of [
      'last_run_at',
      'last_status',
      'last_error',
      'latest_execution',
      'paused_at',
      'paused_reason',
      'deliver',
    ])
      t.equal(field, at(job, field), null)
    t.equal('failure_streak', at(job, 'failure_streak'), 0)
    t.equal('repeat', at(job, 'repeat'), { times: null, completed: 0 })
    t.equal('armed', typeof at(job, 'armed'), 'boolean')
    t.equal('timezone', typeof at(job, 'timezone'), 'string')
    t.that('tags', Array.isArray(at(job, 'tags')) && Array.isArray(at(job, 'skills')), {
      expected: 'tags and skills are lists',
      seen: job,
    })
    for (const field of ['next_run_at', 'created_at', 'updated_at']) t.match(field, at(job, field), instant)
    t.that('version', at(job, 'version') !== undefined, { expected: 'present', seen: job })
  }),
  clause('schedule-kinds', async (t, world) => {
    const cron = await world.job({ schedule: '0 9 * * *', timezone: 'Europe/Berlin' })
    t.equal('kind of a cron', at(cron.answer.body, 'job.schedule.kind'), 'cron')
    t.equal('expr of a cron', at(cron.answer.body, 'job.schedule.expr'), '0 9 * * *')
    t.equal('its zone', at(cron.answer.body, 'job.timezone'), 'Europe/Berlin')
    const once = await world.job({ schedule: 'in 2h' })
    t.equal('kind of a one-shot', at(once.answer.body, 'job.schedule.kind'), 'once')
    t.match('run_at of a one-shot', at(once.answer.body, 'job.schedule.run_at'), instant)
  }),
  clause('list-order', async (t, world) => {
    const tag = nonce()
    const made: string[] = []
    for (let i = 0; i < 3; i++)
      made.push((await world.job({ schedule: 'in 2h', tags: ['conformance', tag] })).id)
    t.equal('newest first', await idsIn(world, `?tag=${tag}`), made.toReversed())
    const answer = await world.api.get('/api/jobs')
    t.equal('status', answer.status, 200)
    t.that('next_cursor', keysOf(answer.body).includes('next_cursor'), {
      expected: 'present',
      seen: keysOf(answer.body),
    })
  }),
  clause('list-paging', async (t, world) => {
    const tag = nonce()
    const made: string[] = []
    for (let i = 0; i < 5; i++)
      made.push((await world.job({ schedule: 'in 2h', tags: ['conformance', tag] })).id)
    const seen: string[] = []
    let cursor: string | null = null
    for (let page = 0; page < 5 && (page === 0 || cursor); page++) {
      const from = cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''
      const answer = await world.api.get(`/api/jobs?tag=${tag}&limit=2${from}`)
      seen.push(...listAt(answer.body, 'jobs').map((job) => textAt(job, 'id')))
      const next = at(answer.body, 'next_cursor')
      cursor = typeof next === 'string' ? next : null
    }
    t.equal('three pages of two', seen, made.toReversed())
    t.equal('cursor of the last page', cursor, null)
  }),
  clause('list-disabled', async (t, world) => {
    const tag = nonce()
    const paused = await world.job({ schedule: 'in 2h', tags: ['conformance', tag] })
    await world.api.post(`/api/jobs/${paused.id}/pause`)
    t.equal('without include_disabled', await idsIn(world, `?tag=${tag}`), [])
    for (const word of ['true', '1', 'yes'])
      t.equal(`include_disabled=${word}`, await idsIn(world, `?tag=${tag}&include_disabled=${word}`), [
        paused.id,
      ])
    for (const word of ['false', '0'])
      t.equal(`include_disabled=${word}`, await idsIn(world, `?tag=${tag}&include_disabled=${word}`), [])
  }),
  clause('list-filters', async (t, world) => {
    const [tag, name] = [nonce(), nonce()]
    const { id } = await world.job({ schedule: 'in 2h', name, tags: ['conformance', tag] })
    t.equal('tag', await idsIn(world, `?tag=${tag}`), [id])
    t.equal('q', await idsIn(world, `?q=${name}`), [id])
    t.equal('state', await idsIn(world, `?tag=${tag}&state=scheduled`), [id])
    t.equal('another state', await idsIn(world, `?tag=${tag}&state=paused`), [])
  }),
]

const changing: Clause[] = [
  clause('change', async (t, world) => {
    const { id } = await world.job({ schedule: 'in 2h' })
    const answer = await world.api.patch(`/api/jobs/${id}`, { name: 'another', schedule: 'in 3h' })
    t.equal('status', answer.status, 200)
    t.equal('name', at(answer.body, 'job.name'), 'another')
    refusedWith(t, 'PATCH {}', await world.api.patch(`/api/jobs/${id}`, {}), 400)
    refusedWith(t, 'an unknown field', await world.api.patch(`/api/jobs/${id}`, { nam: 'x' }), 400)
    refusedWith(t, 'an unknown job', await world.api.patch('/api/jobs/fedcba987654', { name: 'x' }), 404)
    refusedWith(t, 'an id of another form', await world.api.patch('/api/jobs/x', { name: 'x' }), 400)
  }),
  clause('change-if-match', async (t, world) => {
    const { id } = await world.job({ schedule: 'in 2h' })
    const tagged = (await world.api.get(`/api/jobs/${id}`)).headers.get('etag') ?? ''
    t.match('ETag', tagged, /./)
    const first = await world.api.patch(`/api/jobs/${id}`, { name: 'one' }, { 'If-Match': tagged })
    t.equal('with the newest', first.status, 200)
    refusedWith(
      t,
      'with an old one',
      await world.api.patch(`/api/jobs/${id}`, { name: 'two' }, { 'If-Match': tagged }),
      412,
    )
    refusedWith(
      t,
      'DELETE with an old one',
      await world.api.delete(`/api/jobs/${id}`, { 'If-Match': tagged }),
      412,
    )
  }),
  clause('delete', async (t, world) => {
    const { id } = await world.job({ schedule: 'in 2h' })
    t.equal('status', (await world.api.delete(`/api/jobs/${id}`)).status, 200)
    refusedWith(t, 'read again', await world.api.get(`/api/jobs/${id}`), 404)
    refusedWith(t, 'deleted again', await world.api.delete(`/api/jobs/${id}`), 404)
  }),
  clause(
    'delete-cancels-run',
    async (t, world) => {
      const place = world.target.place({ hangs: true })
      const { id } = await dueJob(world, { place })
      await world.fire(id)
      const running = await until('the run', () => world.target.callsAt(place.path)[0])
      t.equal('status', (await world.api.delete(`/api/jobs/${id}`)).status, 200)
      t.that('its call is given up', Boolean(await eventually(() => running.closedAt, 15_000)), {
        expected: 'a closed connection',
        seen: 'an open one after 15 s',
      })
      t.equal('read again', (await world.api.get(`/api/jobs/${id}`)).status, 404)
    },
    everything,
  ),
  clause('pause-and-resume', async (t, world) => {
    const { id } = await world.job({ schedule: 'every 2h' })
    const paused = await world.api.post(`/api/jobs/${id}/pause`, { reason: 'holidays' })
    t.equal('status of pause', paused.status, 200)
    t.equal('state', at(paused.body, 'job.state'), 'paused')
    t.equal('enabled', at(paused.body, 'job.enabled'), false)
    t.equal('paused_reason', at(paused.body, 'job.paused_reason'), 'holidays')
    t.match('paused_at', at(paused.body, 'job.paused_at'), instant)
    const resumed = await world.api.post(`/api/jobs/${id}/resume`)
    t.equal('status of resume', resumed.status, 200)
    t.equal('state', at(resumed.body, 'job.state'), 'scheduled')
    t.equal('enabled', at(resumed.body, 'job.enabled'), true)
    t.equal('paused_at', at(resumed.body, 'job.paused_at'), null)
    const until2h = new Date(Date.now() + 7_200_000).toISOString()
    const timed = await world.api.post(`/api/jobs/${id}/pause`, { until: until2h })
    t.equal('status of pause until', timed.status, 200)
    t.equal('state', at(timed.body, 'job.state'), 'paused')
    refusedWith(t, 'resume of an unknown job', await world.api.post('/api/jobs/fedcba987654/resume'), 404)
  }),
]

const looking: Clause[] = [
  clause('next', async (t, world) => {
    const { id } = await world.job({ schedule: '0 9 * * *', timezone: 'Europe/Berlin' })
    const answer = await world.api.get(`/api/jobs/${id}/next?count=400&from=2026-01-01T00:00:00Z`)
    t.equal('status', answer.status, 200)
    t.match('an instant', answer.text, /2026-01-01T08:00:00\.000Z/)
    t.match('across the clock change', answer.text, /2026-07-01T07:00:00\.000Z/)
  }),
  clause(
    'arm',
    async (t, world) => {
      const { id, answer: made } = await world.job({ schedule: 'in 2h' })
      const row = await rowOf(world, id)
      const { status, body } = await world.api.get(`/api/jobs/${id}/arm`)
      t.equal('status', status, 200)
      t.equal('wake_at is the next slot', at(body, 'wake_at'), at(made.body, 'job.next_run_at'))
      for (const field of ['armed_at', 'last_provision.fire_at'])
        t.equal(`${field} is what NAS holds`, Date.parse(textAt(body, field)), Date.parse(row.fireAt))
      t.equal('schedule_id is the one of NAS', at(body, 'schedule_id'), row.scheduleId)
      t.equal('armed', at(body, 'armed'), true)
      t.equal('drift_ms', at(body, 'drift_ms'), Date.parse(row.fireAt) - Date.parse(textAt(body, 'wake_at')))
      t.equal('outcome of the last provision', at(body, 'last_provision.outcome'), 'armed')
      world.portal.answer('provision', replies.json(500, { error: 'internal' }))
      await world.api.patch(`/api/jobs/${id}`, { schedule: 'in 1h' })
      const failed = (await world.api.get(`/api/jobs/${id}/arm`)).body
      world.portal.answer('provision')
      t.equal('armed while NAS does not take the new instant', at(failed, 'armed'), false)
      t.that('outcome of that provision', at(failed, 'last_provision.outcome') !== 'armed', {
        expected: 'that it failed',
        seen: at(failed, 'last_provision'),
      })
      t.match('last_error', JSON.stringify(at(failed, 'last_error')), /500/)
      refusedWith(t, 'an unknown job', await world.api.get('/api/jobs/fedcba987654/arm'), 404)
    },
    everything,
  ),
  clause(
    'slots',
    async (t, world) => {
      const { id, slot } = await dueJob(world)
      await world.fire(id)
      const from = new Date(slot - 60_000).toISOString()
      const to = new Date(slot + 60_000).toISOString()
      const row = await until('a verdict', async () => {
        const answer = await world.api.get(`/api/jobs/${id}/slots?from=${from}&to=${to}`)
        const [found] = listAt(answer.body, 'slots')
        return at(found, 'verdict') === 'ran' ? found : null
      })
      t.equal('slot', at(row, 'slot'), new Date(slot).toISOString())
      for (const field of ['slot', 'verdict', 'reason', 'run_id'])
        t.that(field, keysOf(row).includes(field), { expected: 'present', seen: row })
      t.match('run_id', at(row, 'run_id'), /./)
    },
    everything,
  ),
  clause('preview', async (t, world) => {
    const ask = (body: unknown) => world.api.post('/api/schedules/preview', body)
    const answer = await ask({
      schedule: '0 9 * * *',
      timezone: 'Europe/Berlin',
      count: 3,
      from: '2026-03-28T00:00:00Z',
    })
    t.equal('status', answer.status, 200)
    t.equal('kind', at(answer.body, 'schedule.kind'), 'cron')
    t.equal('timezone', at(answer.body, 'timezone'), 'Europe/Berlin')
    t.equal('next', at(answer.body, 'next'), [
      '2026-03-28T08:00:00.000Z',
      '2026-03-29T07:00:00.000Z',
      '2026-03-30T07:00:00.000Z',
    ])
    for (const [schedule, kind] of [
      ['every 30m', 'interval'],
      ['2h', 'interval'],
      ['1h30m', 'interval'],
      ['every weekday at 9am', 'cron'],
      ['*/10 * * * * *', 'cron'],
      ['in 90s', 'once'],
      ['+90s', 'once'],
      ['2999-01-01T00:00:00Z', 'once'],
    ])
      t.equal(`kind of "${schedule}"`, at((await ask({ schedule })).body, 'schedule.kind'), kind)
    for (const schedule of ['', '0m', 'in 0s', '61 * * * *', 'sometimes'])
      refusedWith(t, `"${schedule}"`, await ask({ schedule }), 400)
  }),
  clause(
    'reconcile',
    async (t, world) => {
      const { rows } = world.portal
      const lost = await world.job({ schedule: 'in 2h' })
      const orphan = await world.job({ schedule: 'in 2h' })
      const row = await rowOf(world, orphan.id)
      await world.api.delete(`/api/jobs/${orphan.id}`)
      await until('a cancel', () => world.portal.callsOf('cancel', orphan.id)[0])
      const foreign = { ...row, jobId: 'fedcba987654' }
      rows.delete(lost.id)
      for (const extra of [row, foreign]) rows.set(extra.jobId, extra)
      const answer = await world.api.post('/api/cron/reconcile')
      t.equal('status', answer.status, 200)
      for (const count of ['armed', 'cancelled', 'foreign'])
        t.that(count, Number(at(answer.body, count)) >= 1, { expected: 'at least 1', seen: answer.body })
      t.equal('arms that are owed', at(answer.body, 'owed'), 0)
      t.equal('row that NAS had lost', rows.has(lost.id), true)
      t.equal('row of a deleted job', rows.has(orphan.id), false)
      t.equal('row of a job that never was ours', rows.has(foreign.jobId), true)
      rows.delete(foreign.jobId)
      const again = await world.api.post('/api/cron/reconcile')
      t.equal('armed the second time', at(again.body, 'armed'), 0)
    },
    everything,
  ),
]

export const jobs: Group = {
  name: 'jobs',
  clauses: [...access, ...creating, ...reading, ...changing, ...looking],
}
