import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Service, startService } from '../support/service.ts'
import type { Problem } from './setup.ts'

let service: Service
before(async () => {
  service = await startService({ begin: false })
})
after(() => service.close())

const url = 'https://example.com/'
const http = (fields: object) => ({ type: 'http', url, ...fields })

async function save(fields: object): Promise<{ status: number; body: unknown }> {
  return service.api('POST', '/api/jobs', { name: 'a', schedule: '30m', ...fields })
}

const refused: { action: object; path: string; says: RegExp }[] = [
  {
    action: http({ url: `${url}{{slto}}` }),
    path: 'action.url',
    says: /^action\.url: \{\{slto\}\} is not known; use one of slot, attempt/,
  },
  { action: http({ url: `${url}{{slot` }), path: 'action.url', says: /"\{\{" has no matching "\}\}"/ },
  { action: http({ url: '{{input.url}}' }), path: 'action.url', says: /must be an http or https URL/ },
  {
    action: http({ url: 'https://{{secrets.HOST}}/' }),
    path: 'action.url',
    says: /templates may only follow/,
  },
  {
    action: http({ url: 'https://example.com:{{input}}/' }),
    path: 'action.url',
    says: /http or https URL/,
  },
  {
    action: http({ url: 'https://example.com{{input}}/' }),
    path: 'action.url',
    says: /templates may only follow/,
  },
  { action: http({ url: 'https:/{{input}}/' }), path: 'action.url', says: /templates may only follow/ },
  {
    action: http({ headers: { 'x-a': '{{env.HOME}}' } }),
    path: 'action.headers.x-a',
    says: /use one of/,
  },
  { action: http({ body: { a: [{ b: '{{job}}' }] } }), path: 'action.body.a[0].b', says: /use one of/ },
  { action: http({ form: { a: ['{{run.output}}'] } }), path: 'action.form.a[0]', says: /use one of/ },
  { action: http({ body: '{{callback_url}}' }), path: 'action.body', says: /use one of/ },
  {
    action: http({ headers: { 'X-Chronos-Job': 'x' } }),
    path: 'action.headers.X-Chronos-Job',
    says: /this service or the connection sets/,
  },
  {
    action: http({ headers: { Host: 'x' } }),
    path: 'action.headers.Host',
    says: /this service or the connection sets/,
  },
  { action: http({ method: 'GET', body: 1 }), path: 'action.body', says: /a GET request has no body/ },
  {
    action: http({ method: 'HEAD', form: {} }),
    path: 'action.form',
    says: /a HEAD request has no body/,
  },
  { action: http({ body: 1, form: { a: 1 } }), path: 'action.form', says: /either body or form/ },
  { action: http({ form: { a: {} } }), path: 'action.form.a', says: /must be a string, a number/ },
  { action: http({ max_redirects: 21 }), path: 'action.max_redirects', says: /from 0 to 20/ },
  {
    action: http({ callback: { deadline_ms: 10 } }),
    path: 'action.callback.deadline_ms',
    says: /from 1000 to/,
  },
  { action: http({ callback: {} }), path: 'action.callback.deadline_ms', says: /: required/ },
  {
    action: http({ when: { type: 'http', url: `${url}{{x}}` } }),
    path: 'action.when.url',
    says: /use one of/,
  },
  {
    action: http({ when: { type: 'http', url, headers: { te: 'x' } } }),
    path: 'action.when.headers.te',
    says: /this service or the connection sets/,
  },
  { action: http({ when: { type: 'http' } }), path: 'action.when.url', says: /: required/ },
  { action: http({ when: { type: 'smoke' } }), path: 'action.when', says: /"type" of "http" or "handler"/ },
  {
    action: http({ callback: { deadline_ms: 1_000 }, when: { type: 'http', url: `${url}{{callback_url}}` } }),
    path: 'action.when.url',
    says: /use one of/,
  },
]

for (const { action, path, says } of refused) {
  test(`${JSON.stringify(action)} is refused for ${path}`, async () => {
    const { status, body } = await save({ action })
    const { code, errors = [] } = body as Problem
    assert.deepEqual([status, code], [400, 'FIELD_INVALID'], JSON.stringify(body))
    assert.deepEqual(
      errors.map((problem) => problem.path),
      [path],
    )
    assert.match(errors[0]?.message ?? '', says)
  })
}

test('every problem of the templates of a job is told at once, and no change is made', async () => {
  const action = http({
    url: `${url}{{a}}/{{b}}`,
    headers: { 'x-a': '{{c}}' },
    when: { type: 'http', url: `${url}{{d}}` },
  })
  const { body } = await save({ prompt: '{{e}}', action })
  const paths = (body as Problem).errors?.map((problem) => problem.path)
  assert.deepEqual(paths, ['prompt', 'action.url', 'action.url', 'action.headers.x-a', 'action.when.url'])

  const saved = await save({ action: http({}) })
  assert.equal(saved.status, 201, JSON.stringify(saved.body))
  const { id } = (saved.body as { job: { id: string } }).job
  const changed = await service.api('PATCH', `/api/jobs/${id}`, { action })
  assert.deepEqual([changed.status, (changed.body as Problem).errors?.length], [400, 4])
  assert.equal((await service.api('GET', `/api/jobs/${id}`)).body.job.version, 1)
})

test('thousands of problems are told as fifty', async () => {
  const body = Array.from({ length: 5_000 }, () => '{{nothing}}')
  const answer = await save({ action: http({ body }) })
  assert.equal((answer.body as Problem).errors?.length, 50)
})

test('templates in their places are saved as they are written', async () => {
  const action = http({
    url: `${url}{{ job.id }}?a={{input.a.b}}`,
    method: 'PUT',
    success: ['2xx'],
    headers: { authorization: 'Bearer {{trigger}}' },
    body: { to: '{{callback_url}}', text: '{{"{{"}}literal}}', last: '{{last.output}}' },
    callback: { deadline_ms: 60_000 },
    when: { type: 'http', url: `${url}{{now}}` },
  })
  const { status, body } = await save({ action })
  assert.equal(status, 201, JSON.stringify(body))
  assert.deepEqual((body as { job: { action: unknown } }).job.action, action)
})
