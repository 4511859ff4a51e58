import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { makeKey } from '../keys/setup.ts'
import { type Json, type Service, startService } from '../support/service.ts'
import { until } from '../support/until.ts'

const day = (time: string) => new Date(`2026-06-18T${time}Z`).toISOString()

let service: Service
before(async () => {
  service = await startService({ clock: day('08:00:00') })
  for (const name of ['one', 'other']) await service.api('PUT', `/api/projects/${name}`, {})
})
after(() => service.close())

const inOne = { 'chronos-project': 'one' }
const every = { schedule: 'every 10m' }

async function jobIn(project: string, fields: Json = {}): Promise<Json> {
  const job = {
    name: 'a job',
    ...every,
    action: { type: 'http', url: `${service.target.url}/hook` },
    ...fields,
  }
  const { status, body } = await service.api('POST', '/api/jobs', job, { 'chronos-project': project })
  assert.equal(status, 201, JSON.stringify(body))
  return body.job
}
const pause = (name: string, body: Json = {}) => service.api('POST', `/api/projects/${name}/pause`, body)
const resume = (name: string) => service.api('POST', `/api/projects/${name}/resume`, {})
const fire = async (id: string, at: string) =>
  (await service.fire({ job_id: id, fire_at: at })).body.status as string
const runsOf = async (id: string): Promise<Json[]> =>
  (await service.api('GET', `/api/jobs/${id}/runs`)).body.runs
const settled = (id: string, n: number) =>
  until(`job ${id} has ${n} runs that are over`, async () => {
    const runs = await runsOf(id)
    return runs.length === n && runs.every((run) => run.finished_at !== null)
  })
const wakeOf = ({ wake_at: at }: { wake_at: Date }) => at.toISOString()
const rowOf = async (id: string): Promise<Json> =>
  (await service.database.sql`select * from job_runtime where job_id = ${id}`)[0]

test('a pause of a project is honoured by a fire, by hand and by the sweep, and shows who and why', async () => {
  service.setClock(day('08:00:00'))
  const job = await jobIn('one')
  assert.notEqual((await rowOf(job.id)).ready_from, null, 'its claim was decided beforehand')
  const paused = await pause('one', { reason: 'the database moves' })
  const { paused_by: by, paused_reason: why, paused_at: since } = paused.body.project
  assert.deepEqual([by, why, since], ['API_KEY', 'the database moves', day('08:00:00')])
  service.setClock(day('08:10:00'))
  assert.equal(await fire(job.id, day('08:10:00')), 'inactive')
  const byHand = await service.api('POST', `/api/jobs/${job.id}/run`, {})
  assert.equal(`${byHand.status} ${byHand.body.code}`, '409 PROJECT_PAUSED')
  service.setClock(day('08:25:00'))
  await service.api('POST', '/api/cron/reconcile', {})
  assert.deepEqual(await runsOf(job.id), [])
  assert.equal((await rowOf(job.id)).wake_at, null, 'nothing wakes for it')
  const status = await service.api('GET', '/api/status')
  const shown: { name: string; paused: boolean }[] = status.body.projects
  assert.ok(shown.some(({ name, paused: is }) => name === 'one' && is))
  await service.api('DELETE', `/api/jobs/${job.id}`, {})
  await resume('one')
})

test('after the pause each slot of it has its verdict, the job is armed and its next slot runs', async () => {
  service.setClock(day('09:00:00'))
  const [job, elsewhere] = [await jobIn('one'), await jobIn('other')]
  await pause('one')
  service.setClock(day('09:25:00'))
  assert.equal((await resume('one')).status, 200)
  const { body } = await service.api('GET', `/api/jobs/${job.id}/slots?from=${day('09:00:00')}`)
  const slots: { slot: string; verdict: string; reason: string }[] = body.slots
  const verdicts = slots.map(({ slot, verdict, reason }) => [slot.slice(11, 16), verdict, reason])
  const skipped = ['skipped', 'paused: the project was paused']
  assert.deepEqual(verdicts, [
    ['09:10', ...skipped],
    ['09:20', ...skipped],
  ])
  assert.equal(wakeOf(await rowOf(job.id)), day('09:30:00'))
  assert.ok((await service.api('GET', `/api/jobs/${job.id}`)).body.job.armed)
  service.setClock(day('09:30:00'))
  assert.equal(await fire(job.id, day('09:30:00')), 'accepted')
  await settled(job.id, 1)
  // the other project was never touched: the latest of its slots runs
  await fire(elsewhere.id, day('09:30:00'))
  await settled(elsewhere.id, 1)
})

test('the slots of the pause of a job that was changed meanwhile are skipped because of the pause', async () => {
  service.setClock(day('09:40:00'))
  const job = await jobIn('one')
  await pause('one')
  service.setClock(day('09:55:00'))
  await service.api('PATCH', `/api/jobs/${job.id}`, { schedule: 'every 1h' })
  const { body } = await service.api('GET', `/api/jobs/${job.id}/slots?from=${day('09:40:00')}`)
  const [slot] = body.slots as Json[]
  assert.deepEqual([slot.verdict, slot.reason], ['skipped', 'paused: the project was paused'])
  await resume('one')
})

test('a claim that was decided beforehand, or looked before, is not carried out once the pause is answered', async () => {
  service.setClock(day('10:00:00'))
  const job = await jobIn('one')
  const look = async () => (await rowOf(job.id)).rev
  const seen = await look()
  await pause('one')
  assert.equal(Number(await look()), Number(seen) + 1, 'every look from before is out of date')
  // a decision that is ready for the row as it is now, as another process may write one
  await service.database.sql`
    update job_runtime set ready_rev = rev where job_id = ${job.id}`
  service.setClock(day('10:10:00'))
  assert.equal(await fire(job.id, day('10:10:00')), 'inactive')
  assert.deepEqual(await runsOf(job.id), [])
  await resume('one')
})

test('a retry and a job that is made, changed or resumed meanwhile wait for the end of the pause', async () => {
  service.setClock(day('11:00:00'))
  const failing = {
    action: { type: 'http', url: 'http://127.0.0.1:1/' },
    retry: { attempts: 2, delay_ms: 60_000 },
  }
  const job = await jobIn('one', failing)
  service.setClock(day('11:10:00'))
  await fire(job.id, day('11:10:00'))
  await until('the first attempt has failed', async () => (await runsOf(job.id))[0]?.attempts.length === 1)
  await pause('one')
  const made = await jobIn('one')
  await service.api('POST', `/api/jobs/${made.id}/pause`, {})
  await service.api('POST', `/api/jobs/${made.id}/resume`, {})
  await service.api('PATCH', `/api/jobs/${made.id}`, { schedule: 'every 5m' })
  service.setClock(day('11:12:00'))
  await fire(job.id, day('11:12:00'))
  await service.api('POST', '/api/cron/reconcile', {})
  assert.equal((await runsOf(job.id))[0].attempts.length, 1, 'no second attempt')
  service.setClock(day('11:16:00'))
  assert.equal(await fire(made.id, day('11:15:00')), 'inactive')
  await resume('one')
  await until('the second attempt is made', async () => (await runsOf(job.id)).at(-1)?.attempts.length === 2)
  assert.deepEqual(await runsOf(made.id), [])
})

test('a retry of a run that was started by hand, of a job that is finished, begins after the pause', async () => {
  service.setClock(day('11:30:00'))
  const once = { schedule: day('11:31:00'), retry: { attempts: 2, delay_ms: 60_000 } }
  const job = await jobIn('one', once)
  service.setClock(day('11:31:00'))
  await fire(job.id, day('11:31:00'))
  await settled(job.id, 1)
  assert.equal((await rowOf(job.id)).state, 'completed')
  const dead = { action: { type: 'http', url: 'http://127.0.0.1:1/' } }
  await service.api('PATCH', `/api/jobs/${job.id}`, dead)
  const { body } = await service.api('POST', `/api/jobs/${job.id}/run`, {})
  const attempts = async () => (await service.api('GET', `/api/runs/${body.run.id}`)).body.run.attempts.length
  await until('the first attempt has failed', async () => (await attempts()) === 1)
  await pause('one')
  service.setClock(day('11:33:00'))
  await fire(job.id, day('11:32:00'))
  assert.equal((await rowOf(job.id)).wake_at, null, 'nothing wakes for it')
  await resume('one')
  await until('the second attempt is made', async () => (await attempts()) === 2)
})

test('a pause of everything is one of each project, and its end leaves their own pauses', async () => {
  service.setClock(day('12:00:00'))
  const [job, held] = [await jobIn('other'), await jobIn('one')]
  await pause('one')
  const own = await makeKey(service, { scopes: ['admin'], project: 'other' })
  const refused = await service.api('POST', '/api/projects/*/pause', {}, own.as)
  assert.equal(refused.status, 404)
  await pause('*', { reason: 'an incident' })
  service.setClock(day('12:10:00'))
  for (const { id } of [job, held]) assert.equal(await fire(id, day('12:10:00')), 'inactive')
  const seen = await service.api('GET', '/api/projects', undefined, own.as)
  assert.equal(seen.body.projects[0].paused_reason, 'an incident')
  await resume('*')
  service.setClock(day('12:20:00'))
  assert.equal(await fire(job.id, day('12:20:00')), 'accepted')
  assert.equal(await fire(held.id, day('12:20:00')), 'inactive')
  await resume('one')
})

test('a job that was paused by itself stays paused', async () => {
  const job = await jobIn('one')
  await service.api('POST', `/api/jobs/${job.id}/pause`, { reason: 'mine' })
  await pause('one')
  const { rev } = await rowOf(job.id)
  await resume('one')
  const moved = await rowOf(job.id)
  assert.equal(Number(moved.rev), Number(rev) + 1, 'what was decided during the pause is out of date')
  const { body } = await service.api('GET', `/api/jobs/${job.id}`, undefined, inOne)
  assert.deepEqual([body.job.state, body.job.paused_reason], ['paused', 'mine'])
})
