import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createStore } from '../../db/index.ts'
import { type Json, type Service, startService } from '../support/service.ts'
import { until } from '../support/until.ts'

const day = (time: string) => new Date(`2026-06-18T${time}Z`).toISOString()
const inOne = { 'chronos-project': 'one' }

let service: Service
before(async () => {
  service = await startService({ clock: day('08:00:00') })
  await service.api('PUT', '/api/projects/one', {})
})
after(() => service.close())

const quota = (quotas: Json) => service.api('PUT', '/api/projects/one', quotas)
const jobOf = (fields: Json = {}): Json => ({
  name: 'a job',
  schedule: 'every 10m',
  action: { type: 'http', url: `${service.target.url}/hook` },
  ...fields,
})
const make = (fields: Json = {}) => service.api('POST', '/api/jobs', jobOf(fields), inOne)
const codeOf = ({ status, body }: { status: number; body: Json }) => `${status} ${body.code}`
const begunOf = async (id: string) => {
  const { body } = await service.api('GET', `/api/jobs/${id}/runs`)
  const runs: { state: string }[] = body.runs
  return runs.filter(({ state }) => state !== 'skipped')
}

test('a project has no more jobs than its quota, also if twenty are made at once or a file is applied', async () => {
  await quota({ jobs: 3 })
  const made = await Promise.all(Array.from({ length: 20 }, () => make()))
  assert.equal(made.filter(({ status }) => status === 201).length, 3)
  assert.ok(made.every((one) => one.status === 201 || codeOf(one) === '409 PROJECT_FULL'))
  const { name: _, ...declared } = jobOf()
  const applied = await service.api('POST', '/api/apply', { jobs: { extra: declared } }, inOne)
  assert.equal(codeOf(applied), '409 PROJECT_FULL')
  const put = await service.api('PUT', '/api/jobs/by-key/extra', declared, inOne)
  assert.equal(codeOf(put), '409 PROJECT_FULL')
  const { body } = await service.api('GET', '/api/projects')
  const projects: { name: string; jobs: number; quotas: { jobs: number } }[] = body.projects
  const shown = projects.find(({ name }) => name === 'one')
  assert.deepEqual([shown?.jobs, shown?.quotas.jobs], [3, 3])
  await quota({ jobs: null })
  assert.equal((await make()).status, 201)
})

test('a run beyond runs_per_minute waits for the next minute, or is refused if a person asks', async () => {
  await quota({ runs_per_minute: 2 })
  service.setClock(day('09:00:00'))
  const jobs = await Promise.all(Array.from({ length: 4 }, async () => (await make()).body.job.id as string))
  service.setClock(day('09:10:00'))
  await Promise.all(jobs.map((id) => service.fire({ job_id: id, fire_at: day('09:10:00') })))
  const begun = async () => (await Promise.all(jobs.map(begunOf))).flat().length
  await until('two have run', async () => (await begun()) === 2)
  const byHand = await service.api('POST', `/api/jobs/${jobs[0]}/run`, {})
  assert.equal(codeOf(byHand), '429 PROJECT_BUSY')
  assert.equal(byHand.headers.get('retry-after'), '60')
  const waits = await service.database.sql<{ wake_at: Date }[]>`
    select wake_at from job_runtime where job_id = any(${jobs}) and last_slot is null`
  assert.deepEqual(
    waits.map(({ wake_at: at }) => at.toISOString()),
    [day('09:11:00'), day('09:11:00')],
  )
  service.setClock(day('09:11:00'))
  await service.api('POST', '/api/cron/reconcile', {})
  // copies, too: what one of them counted and gave back is not missing for the other job
  const copies = Array.from({ length: 4 }, () => jobs).flat()
  await Promise.all(copies.map((id) => service.fire({ job_id: id, fire_at: day('09:11:00') })))
  await until('all four have run', async () => (await begun()) === 4)
  await quota({ runs_per_minute: null })
})

test('places of a project bound the attempts that are made at once', async () => {
  await quota({ places: 1 })
  service.target.behave('/hang', { does: 'hang' })
  const slow = { action: { type: 'http', url: `${service.target.url}/hang` }, timeout_ms: 60_000 }
  const jobs = await Promise.all([make(slow), make(slow)])
  const runs = await Promise.all(
    jobs.map(({ body }) => service.api('POST', `/api/jobs/${body.job.id}/run`, {})),
  )
  const states = async () =>
    (
      await service.database.sql`
      select state from runs where id = any(${runs.map(({ body }) => body.run.id)}) order by state`
    ).map(({ state }) => state as string)
  await until('one is at work', async () => (await states()).includes('running'))
  assert.deepEqual(await states(), ['claimed', 'running'])
  for (const { body } of runs) await service.api('POST', `/api/runs/${body.run.id}/cancel`, {})
})

test('a copy of a fire takes no room from the run of another job', async (t) => {
  await service.nas.misbehave('hold_fires')
  t.after(() => service.nas.behave())
  service.setClock(day('09:30:00'))
  const [one = '', other = ''] = await Promise.all(
    [make(), make()].map(async (made) => (await made).body.job.id as string),
  )
  await quota({ runs_per_minute: 2 })
  service.setClock(day('09:40:00'))
  const fire = (id: string) => service.fire({ job_id: id, fire_at: day('09:40:00') })
  const { sql } = service.database
  const fires: ReturnType<typeof fire>[] = []
  await sql.begin(async (hold) => {
    await hold`select from job_runtime where job_id = ${one} for update`
    fires.push(fire(one))
    await until('its claim is being written', async () => {
      const waits = await sql`
        select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
      return waits.length > 0
    })
    fires.push(fire(one))
    assert.equal((await fire(other)).status, 202)
  })
  const answers = await Promise.all(fires)
  assert.deepEqual(answers.map(({ status }) => String(status)).toSorted(), ['200', '202'])
  await quota({ runs_per_minute: null })
})

test('what is given back after the edge of a minute makes no room in the next one, and no minute begins twice', async () => {
  let now = day('10:00:59')
  const store = createStore(service.database.db, () => new Date(now))
  const take = (runs: number) => store.takeRuns({ project: 'one', runs })
  const counted = async () => {
    const { body } = await service.api('GET', '/api/projects')
    const projects: { name: string; runs_this_minute: number }[] = body.projects
    return projects.find(({ name }) => name === 'one')?.runs_this_minute
  }
  await quota({ runs_per_minute: 3 })
  const early = await take(2)
  assert.equal(early?.toISOString(), day('10:00:00'))
  now = day('10:01:00')
  service.setClock(now)
  const minute = (await take(2)) as Date
  assert.equal(minute.toISOString(), now)
  await store.giveBackRuns({ project: 'one', runs: 2, minute: early })
  assert.deepEqual([await take(2), await counted()], [null, 2])
  // of a statement that stood before the row while the minute changed
  now = day('10:00:59')
  assert.deepEqual(await take(1), minute)
  now = day('10:01:01')
  assert.deepEqual([await take(1), await counted()], [null, 3])
  await store.giveBackRuns({ project: 'one', runs: 1, minute })
  assert.equal(await counted(), 2)
  assert.deepEqual(await take(1), minute)
  await quota({ runs_per_minute: null })
})
