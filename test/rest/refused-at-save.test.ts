import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { commandsOn } from '../support/command-users.ts'
import { type Service, startService } from '../support/service.ts'

let service: Service
before(async () => {
  service = await startService({
    env: {
      ...commandsOn,
      TARGET_ALLOW: '127.0.0.0/8,wiki.lan,*.flycast,::1',
      ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    },
  })
})
after(() => service.close())

type Refused = { action: object; path: string; says: RegExp }

const http = (url: string, more = {}) => ({ type: 'http', url, ...more })
const isPrivate = /would not be called, because host .* To allow it, add it to TARGET_ALLOW$/

const refused: Refused[] = [
  ...[
    ...[
      'http://app.internal/',
      'https://APP.internal:8443/x?token={{now}}',
      'http://top1.nearest.of.app.internal/',
    ],
    ...[
      'http://db/',
      'http://localhost.localdomain/',
      'http://printer.local/',
      'http://x.home.arpa/',
      'http://lan/',
    ],
    ...[
      'http://10.0.0.1/',
      'http://192.168.1.1:8080/',
      'http://172.16.0.1/',
      'http://100.64.0.1/',
      'http://0xa000001/',
    ],
    ...['http://[fd00::1]/', 'http://[::ffff:10.0.0.1]/', 'http://0.0.0.0/', 'http://224.0.0.1/'],
  ].map((url) => ({ action: http(url), path: 'action.url', says: isPrivate })),
  {
    action: http('http://169.254.169.254/latest/'),
    path: 'action.url',
    says: /host 169\.254\.169\.254 .*TARGET_ALLOW/,
  },
  { action: http('https://example.com:0/'), path: 'action.url', says: /nothing can be called at port 0/ },
  { action: http('ftp://example.com/'), path: 'action.url', says: /must be an http or https URL/ },
  { action: http('example.com'), path: 'action.url', says: /did you mean https:\/\/example\.com\?$/ },
  {
    action: http('example.com:8443/a?t=1'),
    path: 'action.url',
    says: /did you mean https:\/\/example\.com:8443\/…\?$/,
  },
  {
    action: http('localhost:8080/x'),
    path: 'action.url',
    says: /did you mean http:\/\/localhost:8080\/…\?$/,
  },
  { action: http('127.0.0.1'), path: 'action.url', says: /did you mean http:\/\/127\.0\.0\.1\?$/ },
  {
    action: http('https://example.com/', { when: http('http://app.internal/') }),
    path: 'action.when.url',
    says: isPrivate,
  },
  {
    action: { type: 'prompt', model: 'small', base_url: 'http://model.internal/v1' },
    path: 'action.base_url',
    says: isPrivate,
  },
  {
    action: { type: 'prompt', model: 'small', base_url: 'model.example' },
    path: 'action.base_url',
    says: /did you mean/,
  },
  {
    action: { type: 'prompt', base_url: 'https://m.example' },
    path: 'action.model',
    says: /set PROMPT_MODEL/,
  },
  { action: { type: 'prompt', model: 'small' }, path: 'action.base_url', says: /set PROMPT_BASE_URL/ },
  ...[
    'ls -la',
    'df -h | tail -1',
    'echo $HOME',
    '/bin/ls /tmp',
    'a;b',
    'cat <x',
    '"my program"',
    'sleep 1 &',
  ].map((command) => ({
    action: { type: 'command', command },
    path: 'action.command',
    says: /not started by a shell.*"args": \["-c", "…"\]/,
  })),
]

for (const { action, path, says } of refused) {
  test(`${JSON.stringify(action)} is refused when it is saved: POST and PATCH`, async () => {
    const job = await service.makeJob()
    const answers = [
      await service.api('POST', '/api/jobs', {
        name: 'x',
        schedule: '0 9 * * *',
        prompt: 'Say hello',
        action,
      }),
      await service.api('PATCH', `/api/jobs/${job.id}`, { action, prompt: 'Say hello' }),
    ]
    for (const { status, body } of answers) {
      assert.deepEqual([status, body.code], [400, 'FIELD_INVALID'], JSON.stringify(body))
      const problems = body.errors as { path: string; message: string }[]
      const problem = problems.find((one) => one.path === path)
      assert.match(problem?.message ?? JSON.stringify(body), says)
    }
    const { body } = await service.api('GET', `/api/jobs/${job.id}`)
    assert.equal(body.job.action.type, 'http')
  })
}

const taken = [
  ...['http://wiki.lan/', 'http://app.flycast/', 'http://127.0.0.1:10080/', 'http://[::1]/'],
  ...[
    'https://example.com/',
    'http://internal.example.com/',
    'https://example.com/{{slot}}',
    'http://8.8.8.8/',
  ],
].map((url) => http(url))

for (const action of [
  ...taken,
  { type: 'command', command: 'df', args: ['-h', 'a b | c'] },
  { type: 'command', command: '/usr/bin/env' },
  { type: 'command', command: 'sh', args: ['-c', 'df -h | tail -1'] },
  { type: 'prompt', model: 'small', base_url: 'https://model.example/v1' },
]) {
  test(`${JSON.stringify(action)} is saved`, async () => {
    const answer = await service.api('POST', '/api/jobs', {
      ...{ name: 'x', schedule: '0 9 * * *', prompt: 'Say hello' },
      action,
    })
    assert.equal(answer.status, 201, JSON.stringify(answer.body))
  })
}

test('the short form, which has no field for a model server, is saved with a warning', async () => {
  const { status, body } = await service.api('POST', '/api/jobs', {
    name: 'x',
    schedule: '0 9 * * *',
    prompt: 'Say hello',
  })
  assert.equal(status, 201)
  const warnings = body.warnings as { code: string; path: string }[]
  const found = warnings.filter(({ code }) => code === 'PROMPT_NOT_AVAILABLE')
  assert.deepEqual(
    found.map(({ path }) => path),
    ['action.model', 'action.base_url'],
  )
})

const hook = { type: 'webhook', secrets: [`whsec_${randomBytes(24).toString('base64')}`] }
const mail = { type: 'email', from: 'a@example.com', to: ['b@example.com'] }
const channels: [config: object, path: string, says: RegExp][] = [
  [{ ...hook, url: 'http://app.internal/hook' }, 'url', isPrivate],
  [{ ...hook, url: 'http://10.0.0.1/' }, 'url', isPrivate],
  [{ ...hook, url: 'hooks.example/x' }, 'url', /did you mean https:\/\/hooks\.example\/…\?/],
  [{ type: 'slack', url: 'https://192.168.0.1/x' }, 'url', isPrivate],
  [
    { type: 'telegram', bot_token: '1:a', chat_id: 1, api_base: 'http://bot.internal' },
    'api_base',
    isPrivate,
  ],
  [{ ...mail, host: 'mail.internal' }, 'host', isPrivate],
  [{ ...mail, host: '10.0.0.1', port: 25 }, 'host', isPrivate],
  [{ type: 'healthcheck', url: 'http://checks.local/x' }, 'url', isPrivate],
]

for (const [config, path, says] of channels) {
  test(`a channel of ${JSON.stringify(config)} is refused when it is put`, async () => {
    const { status, body } = await service.api('PUT', '/api/channels/team', config)
    assert.deepEqual([status, body.code], [400, 'FIELD_INVALID'], JSON.stringify(body))
    assert.equal(body.errors[0].path, path)
    assert.match(body.errors[0].message, says)
    assert.equal((await service.api('GET', '/api/channels/team')).status, 404)
  })
}

test('a receiver that is written out in a job is looked at as well', async () => {
  const { status, body } = await service.api('POST', '/api/jobs', {
    ...{ name: 'x', schedule: '0 9 * * *', action: http('https://example.com/') },
    deliver: [
      { type: 'healthcheck', url: 'https://example.com/' },
      { type: 'healthcheck', url: 'http://10.0.0.9/' },
    ],
  })
  assert.equal(status, 400)
  assert.equal(body.errors[0].path, 'deliver[1].url')
  assert.match(body.errors[0].message, isPrivate)
})

test('a channel whose host is a secret, or may be called, is put', async () => {
  for (const config of [
    { ...hook, url: 'http://app.flycast/hook' },
    { type: 'slack', url: 'https://hooks.slack.com/services/x' },
    { ...mail, host: 'smtp.example.com' },
  ])
    assert.ok((await service.api('PUT', '/api/channels/fine', config)).status < 300)
})

test('a job that was saved before this rule can be renamed, and its runs say what is wrong', async () => {
  const job = await service.makeJob()
  const action = http('http://app.internal/')
  await service.database
    .sql`update jobs set action = ${service.database.sql.json(action)} where id = ${job.id}`
  assert.equal((await service.api('PATCH', `/api/jobs/${job.id}`, { name: 'renamed' })).status, 200)
  const { body } = await service.api('POST', `/api/jobs/${job.id}/run`)
  for (;;) {
    const { run } = (await service.api('GET', `/api/runs/${body.run.id}`)).body
    if (run.finished_at === null) continue
    assert.equal(run.error.code, 'TARGET_FORBIDDEN')
    return
  }
})
