import { type Clause, everything, type Group, onService as clause } from '../kit/clause.ts'
import { at, keysOf, listAt, textAt } from '../kit/json.ts'
import { eventually, until } from '../kit/wait.ts'
import type { World } from '../kit/world.ts'
import { isProblem } from './answers.ts'
import { dueJob } from './soon.ts'

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const runFields = [
  ...[
    'id',
    'job_id',
    'slot',
    'trigger',
    'state',
    'attempt',
    'attempts',
    'claimed_at',
    'started_at',
    'finished_at',
  ],
  ...['duration_ms', 'lateness_ms', 'error', 'output'],
]

async function runOf(world: World, runId: string): Promise<unknown> {
  const answer = await world.api.get(`/api/runs/${runId}`)
  return at(answer.body, 'run') ?? answer.body
}

/** Until a run has ended; what it then is. */
function ended(world: World, runId: string) {
  return until(`run ${runId} ends`, async () => {
    const run = await runOf(world, runId)
    return typeof at(run, 'finished_at') === 'string' ? run : null
  })
}

async function start(world: World, jobId: string, input?: string): Promise<string> {
  const answer = await world.api.post(`/api/jobs/${jobId}/run`, input === undefined ? {} : { input })
  return textAt(answer.body, 'run.id')
}

const running: Clause[] = [
  clause('run-now', async (t, world) => {
    const { id, path, answer } = await world.job({ schedule: 'every 2h' })
    const started = await world.api.post(`/api/jobs/${id}/run`)
    t.equal('status', started.status, 202)
    t.equal('job', at(started.body, 'job.id'), id)
    const run = await ended(world, textAt(started.body, 'run.id'))
    t.equal('trigger', at(run, 'trigger'), 'manual')
    t.equal('slot', at(run, 'slot'), null)
    t.equal('calls of the target', world.target.callsAt(path).length, 1)
    const job = at((await world.api.get(`/api/jobs/${id}`)).body, 'job')
    t.equal('the schedule is untouched', at(job, 'next_run_at'), at(answer.body, 'job.next_run_at'))
    t.equal('status for an unknown job', (await world.api.post('/api/jobs/fedcba987654/run')).status, 404)
  }),
  clause('run-paused', async (t, world) => {
    const { id, path } = await world.job({ schedule: 'every 2h' })
    await world.api.post(`/api/jobs/${id}/pause`)
    const started = await world.api.post(`/api/jobs/${id}/run`)
    t.equal('status', started.status, 202)
    await eventually(() => world.target.callsAt(path)[0], 5000)
    t.equal('runs', world.target.callsAt(path).length, 1)
    t.equal('state', at((await world.api.get(`/api/jobs/${id}`)).body, 'job.state'), 'paused')
  }),
  clause('run-input', async (t, world) => {
    const place = world.target.place()
    const action = { type: 'http', url: place.url, body: 'input: {{ input }}' }
    const { id } = await world.job({ schedule: 'every 2h', action }, place)
    const answer = await world.api.post(`/api/jobs/${id}/run`, { input: 'hello' })
    t.equal('status', answer.status, 202)
    const sent = await until('the call', () => world.target.callsAt(place.path)[0])
    t.equal('body of the call', sent.text, 'input: hello')
    await ended(world, textAt(answer.body, 'run.id'))
    await ended(world, await start(world, id, 'another'))
    t.equal('body of the next', world.target.callsAt(place.path)[1]?.text, 'input: another')
  }),
  clause('run-shape', async (t, world) => {
    const { id } = await world.job({ schedule: 'every 2h' })
    const run = await ended(world, await start(world, id))
    const names = keysOf(run)
    for (const field of runFields)
      t.that(`field ${field}`, names.includes(field), { expected: 'present', seen: names.join(', ') })
    t.equal('job_id', at(run, 'job_id'), id)
    t.equal('state', at(run, 'state'), 'succeeded')
    t.equal('attempt', at(run, 'attempt'), 1)
    t.equal('attempts', listAt(run, 'attempts').length, 1)
    t.equal('error', at(run, 'error'), null)
    for (const field of ['claimed_at', 'started_at', 'finished_at']) t.match(field, at(run, field), instant)
    t.equal('duration_ms', typeof at(run, 'duration_ms'), 'number')
  }),
  clause('run-error', async (t, world) => {
    const { id } = await world.job(
      { schedule: 'every 2h' },
      world.target.place({ status: 500, body: 'broken' }),
    )
    const run = await ended(world, await start(world, id))
    t.equal('state', at(run, 'state'), 'failed')
    t.match('error.code', at(run, 'error.code'), /./)
    t.match('error.message', at(run, 'error.message'), /./)
    const job = at((await world.api.get(`/api/jobs/${id}`)).body, 'job')
    t.equal('last_status of the job', at(job, 'last_status'), 'error')
    t.match('last_error of the job', at(job, 'last_error'), /./)
    t.that('latest_execution.error', Boolean(at(job, 'latest_execution.error')), {
      expected: 'said',
      seen: at(job, 'latest_execution'),
    })
  }),
  clause('runs-of-job', async (t, world) => {
    const { id } = await world.job({ schedule: 'every 2h' })
    const first = await start(world, id)
    await ended(world, first)
    const second = await start(world, id)
    await ended(world, second)
    const answer = await world.api.get(`/api/jobs/${id}/runs`)
    t.equal('status', answer.status, 200)
    t.equal(
      'newest first',
      listAt(answer.body, 'runs').map((run) => at(run, 'id')),
      [second, first],
    )
    t.that('next_cursor', keysOf(answer.body).includes('next_cursor'), {
      expected: 'present',
      seen: keysOf(answer.body),
    })
    const all = await world.api.get(`/api/runs?job=${id}&status=succeeded`)
    t.equal(
      'GET /api/runs?status&job',
      listAt(all.body, 'runs').map((run) => at(run, 'id')),
      [second, first],
    )
    t.equal(
      'another status',
      listAt((await world.api.get(`/api/runs?job=${id}&status=failed`)).body, 'runs'),
      [],
    )
  }),
  clause('run-unknown', async (t, world) => {
    const answer = await world.api.get('/api/runs/00000000-0000-4000-8000-000000000000')
    t.equal('status', answer.status, 404)
    isProblem(t, 'an unknown run', answer)
  }),
  clause('run-cancel', async (t, world) => {
    const place = world.target.place({ hangs: true })
    const { id } = await world.job({ schedule: 'every 2h' }, place)
    const runId = await start(world, id)
    const hanging = await until('the run', () => world.target.callsAt(place.path)[0])
    t.equal('status', (await world.api.post(`/api/runs/${runId}/cancel`)).status, 202)
    t.that('its call is given up', Boolean(await eventually(() => hanging.closedAt, 15_000)), {
      expected: 'a closed connection',
      seen: 'an open one after 15 s',
    })
    t.equal('state', at(await ended(world, runId), 'state'), 'cancelled')
    t.equal('status for a finished run', (await world.api.post(`/api/runs/${runId}/cancel`)).status, 409)
  }),
  clause('run-retry', async (t, world) => {
    const place = world.target.place({ status: 500 })
    const { id } = await world.job({ schedule: 'every 2h' }, place)
    const runId = await start(world, id)
    await ended(world, runId)
    t.equal('status', (await world.api.post(`/api/runs/${runId}/retry`)).status, 202)
    t.that('it runs again', Boolean(await eventually(() => world.target.callsAt(place.path)[1], 5000)), {
      expected: 'a second call',
      seen: 'none',
    })
    const hanging = world.target.place({ hangs: true })
    const live = await world.job({ schedule: 'every 2h' }, hanging)
    const liveRun = await start(world, live.id)
    await until('the run', () => world.target.callsAt(hanging.path)[0])
    t.equal('status for a live run', (await world.api.post(`/api/runs/${liveRun}/retry`)).status, 409)
    await world.api.post(`/api/runs/${liveRun}/cancel`)
  }),
]

const calls: Clause[] = [
  clause(
    'action-headers',
    async (t, world) => {
      const { id, path, slot } = await dueJob(world)
      const fired = await world.fire(id)
      const { headers, method } = await until('the call', () => world.target.callsAt(path)[0])
      t.equal('method', method, 'POST')
      t.match('Idempotency-Key', headers['idempotency-key'], /./)
      t.equal('X-Chronos-Job', headers['x-chronos-job'], id)
      t.equal('X-Chronos-Run', headers['x-chronos-run'], at(fired.body, 'run_id'))
      t.equal('X-Chronos-Slot', headers['x-chronos-slot'], new Date(slot).toISOString())
      t.equal('X-Chronos-Attempt', headers['x-chronos-attempt'], '1')
      t.match('X-Chronos-Fence', headers['x-chronos-fence'], /^\d+$/)
      const run = await ended(world, textAt(fired.body, 'run_id'))
      t.equal('trigger of the run', at(run, 'trigger'), 'fire')
      t.equal('slot of the run', at(run, 'slot'), new Date(slot).toISOString())
      t.equal('lateness_ms', typeof at(run, 'lateness_ms'), 'number')
    },
    everything,
  ),
  clause('action-http', async (t, world) => {
    const place = world.target.place({ status: 418, body: 'tea' })
    const action = {
      type: 'http',
      url: place.url,
      method: 'PUT',
      headers: { 'X-Mine': 'yes' },
      body: 'hi',
      timeout_ms: 5000,
      success: ['418'],
    }
    const { id } = await world.job({ schedule: 'every 2h', action }, place)
    const run = await ended(world, await start(world, id))
    const sent = world.target.callsAt(place.path)[0]
    t.equal('method', sent?.method, 'PUT')
    t.equal('header', sent?.headers['x-mine'], 'yes')
    t.equal('body', sent?.text, 'hi')
    t.equal('state with success 418', at(run, 'state'), 'succeeded')
    t.match('output', JSON.stringify(at(run, 'output')), /tea/)
  }),
  clause('last-status', async (t, world) => {
    const place = world.target.place({ hangs: true })
    const { id } = await world.job({ schedule: 'every 2h' }, place)
    const runId = await start(world, id)
    await until('the run', () => world.target.callsAt(place.path)[0])
    const live = at((await world.api.get(`/api/jobs/${id}`)).body, 'job')
    t.equal('last_status in mid-run', at(live, 'last_status'), null)
    t.equal('latest_execution.id in mid-run', at(live, 'latest_execution.id'), runId)
    for (const field of ['id', 'status', 'started_at', 'finished_at'])
      t.that(`latest_execution.${field}`, keysOf(at(live, 'latest_execution')).includes(field), {
        expected: 'present',
        seen: live,
      })
    await world.api.post(`/api/runs/${runId}/cancel`)
    await ended(world, runId)
    world.target.set(place.path, {})
    await ended(world, await start(world, id))
    t.equal(
      'last_status afterwards',
      at((await world.api.get(`/api/jobs/${id}`)).body, 'job.last_status'),
      'ok',
    )
  }),
]

export const runs: Group = { name: 'runs', clauses: [...running, ...calls] }
