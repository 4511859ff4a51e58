import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { freePort } from '../../dev/free-port.ts'
import { commandsOn } from '../support/command-users.ts'
import { keyOf } from '../support/key.ts'
import { apiKey, type Service, startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { needPrograms } from '../support/programs.ts'
import { terminalOf, type Typed } from './terminal.ts'

// What people do to a command: mistype a name, close the pipe, press Ctrl-C, call a service that is not there.

let service: Service
let home: string
let env: Record<string, string>
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'chronos-home-'))
  service = await startService({ env: { ...commandsOn, ENCRYPTION_KEY: keyOf(1).toString('base64') } })
  env = { CHRONOS_URL: service.url, CHRONOS_API_KEY: apiKey }
  for (const [key, script] of [
    ['short', 'echo first; echo second'],
    ['long', 'echo first; sleep 300'],
    ['large', 'seq 20000'],
    ['idle', 'true'],
  ])
    await service.makeJob({
      key,
      name: key,
      action: { type: 'command', command: 'sh', args: ['-c', script] },
    })
})
after(async () => {
  await service.close()
  await rm(home, { recursive: true })
})

const chronos = (args: string[], typed?: Typed) => terminalOf(home)(args, { env, ...typed })

function program(args: string[]) {
  return spawn(process.execPath, ['cli/main.ts', ...args], {
    env: { PATH: process.env['PATH'], HOME: home, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

test('a name that is mistyped is answered with the nearest one', async () => {
  await chronos(['secrets', 'set', 'TOKEN'], { input: 'a-long-value' })
  await chronos(['keys', 'make', 'ci', '--scope', 'jobs:read'])
  for (const [args, said] of [
    [['job', 'shrot'], /Did you mean "short"\?/],
    [['secrets', 'remove', 'TOKNE'], /Did you mean TOKEN\?/],
    [['keys', 'revoke', 'ic'], /Did you mean ci\?/],
  ] as const) {
    const { code, err } = await chronos([...args])
    assert.deepEqual([code, said.test(err)], [5, true], err)
  }
  assert.match((await chronos(['keys', 'revoke', 'ci'])).out, /Key \w+ \(ci\) is revoked/)
})

test('the log of a run is shown once, by the run or by its job, and programs get JSON alone', async () => {
  const run = await chronos(['run', 'short', '--follow'])
  assert.match(run.out, /^first\nsecond\nsucceeded after/)
  assert.equal((await chronos(['logs', 'short'])).out, 'first\nsecond\n')
  assert.equal(JSON.parse((await chronos(['logs', 'short', '--json'])).out).text, 'first\nsecond\n')
  const followed = await chronos(['run', 'short', '--follow', '--json'])
  assert.equal(JSON.parse(followed.out).state, 'succeeded')
  assert.match(followed.err, /first\nsecond/)
  const never = await chronos(['logs', 'idle'])
  assert.deepEqual([never.code, never.err], [5, 'idle has not run yet.\n'])
  assert.equal(JSON.parse((await chronos(['export', '--json'])).out).jobs.short.schedule, '0 9 * * *')
})

test('a log is taken up where its connection broke', async () => {
  let cuts = 0
  const breaking: typeof fetch = async (input, init) => {
    const response = await fetch(input, init)
    if (!response.url.includes('follow=true') || cuts++ > 0 || !response.body) return response
    // the first piece of the log arrives, and then nothing
    const reader = response.body.getReader()
    let has = ''
    const body = new ReadableStream({
      async pull(out) {
        if (has.includes('event: log')) return out.error(new Error('the connection broke'))
        const { value } = await reader.read()
        has += new TextDecoder().decode(value)
        out.enqueue(value)
      },
    })
    return new Response(body, { headers: response.headers })
  }
  const { code, out } = await chronos(['run', 'short', '--follow'], { fetch: breaking })
  assert.equal(code, 0)
  assert.ok(cuts > 1)
  assert.match(out, /^first\nsecond\nsucceeded after/)
})

test('Ctrl-C ends the look at a run, and not the run; a reader that goes away is no failure', async () => {
  const child = program(['run', 'long', '--follow'])
  let out = ''
  child.stdout.on('data', (piece) => (out += String(piece)))
  const err = text(child.stderr)
  await until('its log is shown', async () => out.includes('first') || null)
  child.kill('SIGINT')
  assert.deepEqual(await once(child, 'close'), [130, null])
  const [, id] = /The run goes on\. To look at it again: chronos logs (\S+) --follow/.exec(await err) ?? []
  assert.equal((await service.api('GET', `/api/runs/${id}`)).body.run.state, 'running')
  await service.api('POST', `/api/runs/${id}/cancel`, {})

  assert.equal((await chronos(['run', 'large', '--follow'])).code, 0)
  const shell = spawn(
    'bash',
    ['-c', `set -o pipefail; "${process.execPath}" cli/main.ts logs large | head -1; echo "code $?"`],
    { env: { PATH: process.env['PATH'], HOME: home, ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  assert.deepEqual(await Promise.all([text(shell.stdout), text(shell.stderr)]), ['1\ncode 0\n', ''])
})

test('a key that is not taken, a place where no service is, and a file that cannot be written are told', async () => {
  const wrong = await chronos(['jobs'], { env: { ...env, CHRONOS_API_KEY: 'wrong' } })
  assert.deepEqual([wrong.code, /does not take the key\. Log in again/.test(wrong.err)], [4, true])
  const port = await freePort()
  const absent = await chronos(['jobs'], { env: { ...env, CHRONOS_URL: `http://127.0.0.1:${port}` } })
  assert.deepEqual([absent.code, /cannot be reached/.test(absent.err)], [3, true])
  const other = createServer((_request, response) => response.end('<html>')).listen(0, '127.0.0.1')
  await once(other, 'listening')
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
  const page = await chronos(['jobs'], { env: { ...env, CHRONOS_URL: url } })
  other.close()
  assert.deepEqual([page.code, /does not answer as Chronos does/.test(page.err)], [1, true])
  const file = await chronos(['export', '-o', join(home, 'none/x.yaml')])
  assert.deepEqual([file.code, /ENOENT/.test(file.err)], [1, true])
  assert.match((await chronos(['pause', 'idle', '--until', '2h'])).out, /paused until/)
  assert.equal((await chronos(['pause', 'idle', '--until', 'soon'])).code, 2)
  assert.equal((await chronos(['runs', '--limit', '0'])).code, 2)
})

test('an agent is answered by JSON-RPC, also when the service refuses or the line is no JSON', async () => {
  const line = '{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{}}'
  const told = async (input: string, more: Record<string, string> = {}) => {
    const { out } = await chronos(['mcp'], { input, env: { ...env, ...more } })
    return out === ''
      ? []
      : out
          .trim()
          .split('\n')
          .map((one) => JSON.parse(one))
  }
  const [garbage, list] = await told(`garbage\n${line}`)
  assert.deepEqual([garbage.error.code, garbage.id], [-32_700, null])
  assert.ok(list.result.tools.length > 5)
  const [refused] = await told(line, { CHRONOS_API_KEY: 'wrong' })
  assert.deepEqual([refused.id, /API key/.test(refused.error.message)], [7, true])
  const nowhere = { CHRONOS_URL: `http://127.0.0.1:${await freePort()}` }
  const [away] = await told(line, nowhere)
  assert.match(away.error.message, /cannot be reached/)
  assert.deepEqual(await told('{"jsonrpc":"2.0","method":"notifications/initialized"}', nowhere), [])
})

/** A terminal of zsh's own module: the keys are typed when the command asks. */
const typing = String.raw`
zmodload zsh/zpty
zpty -b pty "$1; echo 'code '\$? end"
zpty -r -m pty asked '*API key: *'
zpty -w -n pty "$2"
zpty -r -m pty told '*code *end*'
print -r -- "$told"
`

test('a person types a key that is not shown, or presses Ctrl-C', async () => {
  const login = `env HOME=${home} DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent ${process.execPath} cli/main.ts login ${service.url}`
  const typed = async (keys: string) => {
    needPrograms('zsh')
    const shell = spawn('zsh', ['-f', '-c', typing, 'zsh', login, keys], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return text(shell.stdout)
  }
  const told = await typed(`${apiKey}\n`)
  assert.match(told, /Logged in to .*code 0 end/s)
  assert.ok(!told.includes(apiKey), told)
  assert.match(await typed('\u0003'), /code 130 end/)
  assert.match(await typed('\n'), /No key was given.*code 2 end/s)
})
