import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Json, Service } from '../support/service.ts'
import { codeOf } from '../rest/setup.ts'
import { codesOf, idsOf, startForClients } from './setup.ts'

// What existing clients send: dashboards and bots that were written for agents with an API of this form.

let service: Service
before(async () => {
  service = await startForClients()
})
after(() => service.close())

const create = (fields: Record<string, unknown>) =>
  service.api('POST', '/api/jobs', {
    name: 'digest',
    schedule: '0 9 * * *',
    prompt: 'What is new?',
    ...fields,
  })
const patch = (id: string, fields: Record<string, unknown>, query = '') =>
  service.api('PATCH', `/api/jobs/${id}${query}`, fields)

async function created(fields: Record<string, unknown>): Promise<Json> {
  const { status, body } = await create(fields)
  assert.equal(status, 201, JSON.stringify(body))
  return body
}

test('a body with every field that clients send is taken: translated, or named in `ignored`', async () => {
  const { job, ignored } = await created({
    enabled: true,
    paused: false,
    paused_reason: null,
    skill: 'news',
    skills: ['mail'],
    model: 'large',
    provider: 'openrouter',
    origin: { platform: 'telegram', chat_id: '7' },
    profile: 'default',
    input: { a: 1 },
    repeat: { times: 3, completed: 1 },
    deliver: 'origin',
  })
  assert.deepEqual([job.skill, job.skills, job.model], ['news', ['news', 'mail'], 'large'])
  assert.deepEqual([job.provider, job.origin, job.enabled], [null, null, true])
  assert.deepEqual(job.repeat, { times: 3, completed: 0 })
  assert.deepEqual((ignored as string[]).toSorted(), [
    'input',
    'origin',
    'paused_reason',
    'profile',
    'provider',
    'repeat.completed',
  ])
})

test('a body with none of them says nothing of ignored fields', async () => {
  assert.equal('ignored' in (await created({})), false)
})

test('a typo is refused with the name that was meant, whatever else is known', async () => {
  for (const [typo, meant] of [
    ['enabeld', 'enabled'],
    ['skil', 'skill'],
    ['schedul', 'schedule'],
  ] as const) {
    const answer = await create({ [typo]: true, profile: 'default' })
    assert.equal(codeOf(answer), '400 FIELD_UNKNOWN')
    assert.match(answer.body.detail, new RegExp(`unknown field \`${typo}\`; did you mean \`${meant}\``))
    const job = (await created({})).job
    assert.equal(codeOf(await patch(job.id, { [typo]: true })), '400 FIELD_UNKNOWN')
  }
})

for (const off of [{ enabled: false }, { paused: true }]) {
  test(`POST with ${JSON.stringify(off)} makes a paused job, which nothing wakes`, async () => {
    const { job } = await created({ ...off, paused_reason: 'not yet' })
    assert.deepEqual(
      [job.state, job.enabled, job.paused_reason, job.paused_at, job.next_run_at, job.armed],
      ['paused', false, 'not yet', '2026-06-18T08:00:00.000Z', null, false],
    )
    assert.ok(service.nas.armed().every(({ job_id }) => job_id !== job.id))
    const { body } = await service.api('POST', `/api/jobs/${job.id}/resume`)
    assert.deepEqual([body.job.state, body.job.next_run_at], ['scheduled', '2026-06-18T09:00:00.000Z'])
  })
}

test('PATCH with `enabled` switches a job off and on, and keeps its version', async () => {
  const { job } = await created({})
  const off = await patch(job.id, { enabled: false, paused_reason: 'holiday' })
  assert.deepEqual([off.status, off.body.job.state, off.body.job.paused_reason], [200, 'paused', 'holiday'])
  await service.nas.waitFor((nas) => nas.armed().every(({ job_id }) => job_id !== job.id))
  const again = await patch(job.id, { enabled: false })
  assert.deepEqual([again.body.job.state, again.body.job.paused_reason], ['paused', 'holiday'])
  const on = await patch(job.id, { enabled: true })
  assert.deepEqual(
    [on.body.job.state, on.body.job.armed, on.body.job.next_run_at, on.body.job.version],
    ['scheduled', true, '2026-06-18T09:00:00.000Z', job.version],
  )
  assert.equal((await patch(job.id, { paused: true })).body.job.enabled, false)
  assert.equal((await patch(job.id, { paused: false })).body.job.enabled, true)
})

test('PATCH with `enabled` keeps the end of a pause', async () => {
  const { job } = await created({})
  await service.api('POST', `/api/jobs/${job.id}/pause`, { until: '2026-06-20T08:00:00Z' })
  const { body } = await patch(job.id, { enabled: false, paused_reason: 'later' })
  assert.deepEqual([body.job.paused_reason, body.job.resume_at], ['later', '2026-06-20T08:00:00.000Z'])
})

test('PATCH with `enabled` and other fields does both, or neither', async (t) => {
  const { job } = await created({})
  const { body } = await patch(job.id, { enabled: false, name: 'renamed', schedule: '0 10 * * *' })
  assert.deepEqual([body.job.name, body.job.state, body.job.version], ['renamed', 'paused', 2])
  const back = await patch(job.id, { enabled: true, name: 'again' })
  assert.deepEqual([back.body.job.name, back.body.job.next_run_at], ['again', '2026-06-18T10:00:00.000Z'])
  const once = (await created({ schedule: '2026-06-18T08:30:00Z', enabled: false })).job
  service.setClock('2026-06-18T08:45:00Z')
  t.after(() => service.setClock('2026-06-18T08:00:00Z'))
  assert.equal(codeOf(await patch(once.id, { enabled: true, name: 'lost' })), '409 JOB_STATE_CONFLICT')
  const unchanged = (await service.api('GET', `/api/jobs/${once.id}`)).body.job
  assert.deepEqual([unchanged.name, unchanged.version], ['digest', 1])
})

test('`enabled` and `paused` that contradict each other are refused', async () => {
  assert.equal(codeOf(await create({ enabled: true, paused: true })), '400 FIELD_INVALID')
  const { job } = await created({})
  assert.equal(codeOf(await patch(job.id, { enabled: false, paused: false })), '400 FIELD_INVALID')
})

test('an empty PATCH is refused; one that holds only ignored fields changes nothing', async () => {
  const { job } = await created({})
  assert.equal(codeOf(await patch(job.id, {})), '400 FIELD_INVALID')
  assert.equal(codeOf(await service.api('PATCH', `/api/jobs/${job.id}`)), '400 FIELD_INVALID')
  const { status, body } = await patch(job.id, { origin: { platform: 'cli' } })
  assert.deepEqual([status, body.ignored, body.job.version], [200, ['origin'], 1])
})

test('`model` changes a prompt action and is ignored by any other', async () => {
  const { job } = await created({ model: 'small' })
  assert.deepEqual([job.model, job.action], ['small', { type: 'prompt', model: 'small' }])
  const other = (await patch(job.id, { model: 'large', skill: 'mail' })).body.job
  assert.deepEqual([other.model, other.skills], ['large', ['mail']])
  const usual = (await patch(job.id, { model: null })).body.job
  assert.deepEqual([usual.model, usual.action], [null, { type: 'prompt' }])
  const called = await created({
    action: { type: 'http', url: `${service.target.url}/hook` },
    prompt: undefined,
    model: 'large',
  })
  assert.deepEqual([called.job.model, called.ignored], [null, ['model']])
  assert.deepEqual((await patch(called.job.id, { model: 'x' })).body.ignored, ['model'])
})

test('an empty model, and the one that stands for none, are the model of the service', async () => {
  for (const model of ['', null, 'chronos'])
    assert.deepEqual((await created({ model })).job.action, { type: 'prompt' })
})

test('an empty prompt beside skills is a prompt; alone it is none', async () => {
  const { job } = await created({ prompt: '', skills: ['news'] })
  assert.deepEqual([job.prompt, job.skill, job.action.type], ['', 'news', 'prompt'])
  assert.equal((await create({ prompt: '', skill: 'news' })).status, 201)
  assert.equal((await create({ prompt: undefined, skill: 'news', skills: null })).status, 201)
  assert.equal(codeOf(await create({ prompt: '' })), '400 FIELD_INVALID')
  const action = { type: 'http', url: `${service.target.url}/hook` }
  assert.equal((await created({ prompt: '', action })).job.prompt, null)
})

test('`input` is the prompt of a job that has none', async () => {
  const { job, ignored } = await created({ prompt: '', input: 'Say hello' })
  assert.deepEqual([job.prompt, ignored], ['Say hello', undefined])
})

test('`repeat` may be a number, an object or "forever"', async () => {
  const timesOf = async (repeat: unknown) => (await created({ repeat })).job.repeat.times
  assert.deepEqual(await timesOf(3), 3)
  assert.deepEqual(await timesOf('forever'), null)
  assert.deepEqual(await timesOf({ times: null, completed: 4 }), null)
  assert.deepEqual(await timesOf({ times: 2 }), 2)
  assert.deepEqual(await timesOf(null), null)
  for (const repeat of [0, -1, 1.5, 'often', { times: 0 }, { time: 1 }])
    assert.equal((await create({ repeat })).status, 400, JSON.stringify(repeat))
})

test('a one-shot shows that it runs once', async () => {
  const { job } = await created({ schedule: 'in 2h' })
  assert.deepEqual([job.schedule.kind, job.repeat], ['once', { times: 1, completed: 0 }])
})

for (const deliver of [
  'telegram',
  'telegram:-100123:17',
  'discord:#ops',
  'local, slack',
  ['email', 'local'],
]) {
  test(`deliver ${JSON.stringify(deliver)} names no channel: kept, treated as local, and warned of`, async () => {
    const { job, warnings } = await created({ deliver })
    assert.deepEqual([job.deliver, job.tells_nobody], [deliver, true])
    assert.ok(codesOf(warnings).includes('CHANNEL_UNKNOWN'), JSON.stringify(warnings))
    const patched = await patch(job.id, { deliver })
    assert.ok(codesOf(patched.body.warnings).includes('CHANNEL_UNKNOWN'))
  })
}

test('"local", "origin", "all" and no name are no unknown channels', async () => {
  for (const deliver of ['local', 'origin', 'none', 'all', 'local,origin', '', null])
    assert.deepEqual(codesOf((await created({ deliver })).warnings), ['TELLS_NOBODY'], String(deliver))
})

test('names are trimmed, and blank ones are refused', async () => {
  const { job } = await created({ name: '  digest\u00a0 ' })
  assert.equal(job.name, 'digest')
  assert.equal((await patch(job.id, { name: ' other ' })).body.job.name, 'other')
  for (const name of ['', '   ', '\t\n', '\u200b\u2060']) {
    assert.equal(codeOf(await create({ name })), '400 FIELD_INVALID', JSON.stringify(name))
    assert.equal(codeOf(await patch(job.id, { name })), '400 FIELD_INVALID', JSON.stringify(name))
  }
})

test('`profile` may come with every call of the jobs API', async () => {
  const { job } = await created({})
  const at = `/api/jobs/${job.id}`
  assert.deepEqual((await service.api('GET', '/api/jobs?profile=work')).body.ignored, ['profile'])
  assert.deepEqual((await service.api('GET', `${at}?profile=work`)).body.ignored, ['profile'])
  assert.deepEqual((await patch(job.id, { name: 'x' }, '?profile=work')).body.ignored, ['profile'])
  for (const action of ['pause', 'resume'])
    assert.deepEqual((await service.api('POST', `${at}/${action}?profile=work`)).body.ignored, ['profile'])
  assert.equal((await service.api('POST', `${at}/run?profile=work`)).status, 202)
  const made = await service.api('POST', '/api/jobs?profile=work', {
    ...{ name: 'x', schedule: '30m', prompt: 'x', profile: 'work' },
  })
  assert.deepEqual([made.status, made.body.ignored], [201, ['profile']])
  assert.equal((await service.api('DELETE', `${at}?profile=work`)).status, 200)
  assert.equal(codeOf(await service.api('GET', '/api/jobs?profil=work')), '400 FIELD_UNKNOWN')
})

test('`include_disabled` is true and false in all the ways that clients write it', async () => {
  const { job } = await created({ enabled: false, tags: ['off'] })
  const ids = async (value: string) => {
    const { body } = await service.api('GET', `/api/jobs?tag=off&include_disabled=${value}`)
    return [idsOf(body), body.hidden]
  }
  for (const yes of ['true', 'True', '1', 'yes', 'on']) assert.deepEqual(await ids(yes), [[job.id], 0], yes)
  for (const no of ['false', '0', 'no', 'off']) assert.deepEqual(await ids(no), [[], 1], no)
  assert.equal(codeOf(await service.api('GET', '/api/jobs?include_disabled=maybe')), '400 FIELD_INVALID')
})

test('a list says how many jobs it left out, and `state=all` leaves out none', async () => {
  for (const enabled of [true, false, false]) await created({ enabled, tags: ['some'] })
  const list = async (query: string) => {
    const { body } = await service.api('GET', `/api/jobs?tag=some${query}`)
    return [body.jobs.length, body.hidden]
  }
  assert.deepEqual(await list(''), [1, 2])
  assert.deepEqual(await list('&limit=1'), [1, 2])
  assert.deepEqual(await list('&q=nothing'), [0, 0])
  assert.deepEqual(await list('&state=all'), [3, 0])
  assert.deepEqual(await list('&state=paused'), [2, 0])
  assert.deepEqual(await list('&include_disabled=true'), [3, 0])
})
