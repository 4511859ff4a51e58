import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { freePort } from '../../dev/conformance/kit/http.ts'
import { apiKey, startService } from '../support/service.ts'

/** `npm run conformance -- …`, to its end. */
function conformance(...args: string[]): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['dev/conformance/main.ts', ...args], (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, text: stdout + stderr })
    })
  })
}

test('pointed at a service without a key, it tries what anybody may call and says what it did not try', async () => {
  const service = await startService()
  try {
    const { code, text } = await conformance('--url', service.url, '--only', 'service')
    assert.match(text, /^healthz +2 +2$/m)
    assert.match(text, /^env-timezone +– +not tried$/m)
    assert.match(text, /not tried on the service: it needs an API key \(--key\): status, metrics/)
    assert.match(text, /it needs a service started with settings of its own: .*env-idle-exit/)
    assert.equal(code, 0, text)
  } finally {
    await service.close()
  }
})

test('pointed at a service with a key, it leaves no job behind', async () => {
  const service = await startService()
  try {
    const only = ['--only', 'job-shape', '--only', 'list-paging', '--only', 'client-repeat']
    const { code, text } = await conformance('--url', service.url, '--key', apiKey, ...only)
    assert.match(text, /^job-shape +\d+ +\d+$/m)
    assert.equal(code, 0, text)
    const [row] = await service.database.sql`select count(*)::int as n from jobs`
    assert.equal(row?.['n'], 0)
  } finally {
    await service.close()
  }
})

test('a clause that does not hold ends in 1, with what was expected and seen', async () => {
  const { code, text } = await conformance(
    '--url',
    `http://127.0.0.1:${await freePort()}`,
    '--only',
    'healthz',
  )
  assert.equal(code, 1, text)
  assert.match(text, /✖ healthz \(service\): .*\n +expected .*\n +saw +.*ECONNREFUSED/)
})

test('options that cannot be read end in 2', async () => {
  for (const args of [
    ['--urls', 'x'],
    ['--url', 'x'],
    ['--side', 'both'],
    ['--seed', 'x'],
    ['--nas', 'http://127.0.0.1:9'],
  ]) {
    const { code, text } = await conformance(...args)
    assert.equal(code, 2, text)
    assert.match(text, /--/)
  }
  assert.equal((await conformance('--url', 'http://127.0.0.1:9', '--only', 'no-such-clause')).code, 2)
  assert.equal((await conformance('--help')).code, 0)
})
