import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { codeOf, type Problem } from '../rest/setup.ts'
import { type Service, startService } from '../support/service.ts'

let service: Service
let keyless: Service
before(async () => {
  service = await startService({ env: { ENCRYPTION_KEY: randomBytes(32).toString('base64') } })
  const { database, nas, target } = service
  keyless = await startService({ database, nas, target, begin: false })
})
after(async () => {
  await keyless.close()
  await service.close()
})

const value = 'hunter2-hunter2'

test('a secret is made, replaced, listed and removed, and its value is in no answer', async () => {
  const { api } = service
  const made = await api('PUT', '/api/secrets/TOKEN', { value })
  assert.deepEqual([made.status, made.headers.get('location')], [201, '/api/secrets/TOKEN'])
  const { created_at: at, updated_at: changed, key_id: keyId, ...rest } = made.body.secret
  assert.deepEqual(rest, { name: 'TOKEN', version: 1 })
  assert.match(keyId, /^[0-9a-f]{8}$/)
  assert.equal(changed, at)
  const replaced = await api('PUT', '/api/secrets/TOKEN', { value: `${value}!` })
  assert.deepEqual(
    [replaced.status, replaced.body.secret.version, replaced.body.secret.created_at],
    [200, 2, at],
  )
  const listed = await api('GET', '/api/secrets')
  assert.deepEqual(listed.body, { secrets: [replaced.body.secret], next_cursor: null })
  const audit = await api('GET', '/api/audit')
  assert.doesNotMatch(JSON.stringify([made.body, replaced.body, listed.body, audit.body]), /hunter2/)
  assert.deepEqual((await api('DELETE', '/api/secrets/TOKEN')).body, { ok: true, name: 'TOKEN' })
  assert.equal(codeOf(await api('DELETE', '/api/secrets/TOKEN')), '404 SECRET_NOT_FOUND')
})

test('a value that is refused is not quoted', async () => {
  const bad = [
    { value: 'hunter2' },
    { value: `hunter2${' '.repeat(10)}` },
    { value: ['hunter2'] },
    { value: 'hunter2\0hunter2' },
  ]
  const long = [{ value: 'hunter2'.repeat(2400) }, { value: `hunter2${'ü'.repeat(9000)}` }]
  for (const body of [...bad, ...long, 'hunter2-hunter2', { value, hint: 'hunter2' }]) {
    const answer = await service.api('PUT', '/api/secrets/TOKEN', body)
    assert.equal(answer.status, 400, JSON.stringify(body).slice(0, 40))
    assert.doesNotMatch(JSON.stringify(answer.body), /hunter2/)
  }
  const { detail } = (await service.api('PUT', '/api/secrets/TOKEN', { value: 'hunter2' })).body as Problem
  assert.match(detail, /^value: must be a string of at least 8 characters .*, not a string of 7 characters/)
  assert.equal((await service.api('PUT', '/api/secrets/TOKEN', { value: 'x'.repeat(16 * 1024) })).status, 201)
  await service.api('DELETE', '/api/secrets/TOKEN')
})

test('a name is capital letters, digits and underscores', async () => {
  for (const name of ['token', '1TOKEN', 'TO-KEN', 'A'.repeat(65), 'T%C3%96KEN']) {
    const answer = await service.api('PUT', `/api/secrets/${name}`, { value })
    assert.equal(codeOf(answer), '400 FIELD_INVALID', name)
  }
})

test('a secret that a job mentions is kept, and the answer names the job', async () => {
  await service.api('PUT', '/api/secrets/TOKEN', { value })
  const job = await service.makeJob({ schedule: '0 9 * * *', prompt: 'with {{secrets.TOKEN}}' })
  const refused = await service.api('DELETE', '/api/secrets/TOKEN')
  assert.equal(codeOf(refused), '409 SECRET_IN_USE')
  assert.deepEqual(refused.body.jobs, [job.id])
  await service.api('DELETE', `/api/jobs/${job.id}`)
  assert.equal((await service.api('DELETE', '/api/secrets/TOKEN')).status, 200)
})

test('a rotation says how much was sealed anew', async () => {
  const { status, body } = await service.api('POST', '/api/secrets/rotate')
  const { key_id: keyId, ...counts } = body
  assert.deepEqual([status, counts], [200, { resealed: 0, unreadable: [], left: 0 }])
  assert.match(keyId, /^[0-9a-f]{8}$/)
})

test('without ENCRYPTION_KEY nothing is stored, and the answer says what to do', async () => {
  const refused = await keyless.api('PUT', '/api/secrets/TOKEN', { value })
  assert.equal(codeOf(refused), '409 ENCRYPTION_KEY_MISSING')
  assert.match(refused.body.detail, /openssl rand -base64 32/)
  assert.deepEqual((await keyless.api('GET', '/api/secrets')).body, { secrets: [], next_cursor: null })
})
