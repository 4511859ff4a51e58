import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { sharedBuild } from '../support/build.ts'
import { apiKey, startService } from '../support/service.ts'
import { startProxy } from './proxy.ts'
import { freePort } from '../../dev/free-port.ts'

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
  const service = await startService()
  const proxy = await startProxy(service.url, {
    response(response, { path }) {
      if (path === '/openapi.json') response.body = '{"openapi":"2.0"}'
    },
  })
  try {
    const { code, text } = await conformance('--url', proxy.url, '--only', 'openapi')
    assert.equal(code, 1, text)
    assert.match(text, /✖ openapi \(service\): openapi\n +expected \/\^3.*\n +saw +2\.0/)
  } finally {
    await proxy.close()
    await service.close()
  }
})

test('an option that does not lead where it should is one sentence, before any clause is tried', async () => {
  const [service, build] = await Promise.all([startService(), sharedBuild()])
  const nowhere = `http://127.0.0.1:${await freePort()}`
  // the kit listens there itself
  const portal = `http://127.0.0.1:${await freePort()}`
  const own = ['--url', service.url, '--key', apiKey]
  const nas = ['--nas', service.nas.url, '--nas-token', service.nas.accessToken, '--nas-audience', 'x']
  const port = String(await freePort())
  try {
    // Each looks for as long as its option allows, up to 45 s: all at once.
    const cases = [
      [['--url', nowhere], /^--url: nothing answers at .* \(ECONNREFUSED\)/],
      [['--url', service.url, '--key', 'wrong-key-0123456789'], /^--key: .* answered 401/],
      [[...own, '--target', nowhere, '--target-port', port], /^--target: no call came to /],
      [[...own, '--portal', portal, '--portal-token', 'x'], /^--portal: .* answered 401/],
      [['--nas', nowhere, ...nas.slice(2)], /^--nas: nothing answers at /],
      [[...nas.slice(0, 3), 'wrong', ...nas.slice(4)], /^--nas-token: .* answered 401/],
      [['--nas', service.nas.url, ...nas.slice(2), '--agent', nowhere], /^--agent needs --agent-port/],
      [['--dist', build.folder, '--database', 'postgres://x:x@127.0.0.1:1/x'], /^--database: .*ECONNREFUSED/],
    ] as const
    const ends = await Promise.all(cases.map(([args]) => conformance(...args)))
    for (const [index, [, says]] of cases.entries()) {
      const { code, text } = ends[index]!
      assert.equal(code, 2, text)
      assert.match(text, says)
      assert.doesNotMatch(text, /\n {4}at /, 'no stack')
    }
  } finally {
    await build.remove()
    await service.close()
  }
})

test('options that cannot be read end in 2', async () => {
  for (const args of [
    ['--urls', 'x'],
    ['--url', 'x'],
    ['--side', 'both'],
    ['--seed', 'x'],
    ['--nas', 'http://127.0.0.1:9'],
    ['--key', 'x'],
    ['--url', 'http://127.0.0.1:9', '--portal', 'http://127.0.0.1:9'],
    ['--url', 'http://127.0.0.1:9', '--portal', 'https://portal.example', '--portal-token', 'x'],
    ['--url', 'http://127.0.0.1:9', '--portal', 'http://127.0.0.1:9', '--portal-token', 'x', '--listen', '9'],
    ['--url', 'http://127.0.0.1:9', '--database', 'postgres://127.0.0.1/x'],
  ]) {
    const { code, text } = await conformance(...args)
    assert.equal(code, 2, text)
    assert.match(text, /--/)
  }
  assert.equal((await conformance('--side', 'nas', '--only', 'no-such-clause')).code, 2)
  assert.equal((await conformance('--help')).code, 0)
})
