import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { apiKey, type Service, startService } from '../support/service.ts'
import { terminalOf, type Typed } from './terminal.ts'

let service: Service
let home: string
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'chronos-home-'))
  service = await startService()
  for (const project of ['billing', 'shop'])
    assert.equal((await service.api('PUT', `/api/projects/${project}`, {})).status, 201)
})
after(async () => {
  await service.close()
  await rm(home, { recursive: true })
})

const chronos = (args: string[], typed?: Typed) => terminalOf(home)(args, typed)

test('a login remembers its project, and the command line or the environment choose another', async () => {
  const file = join(home, 'chronos.yaml')
  const action = `{ type: http, url: '${service.target.url}/hook' }`
  const apply = async (key: string, ...more: string[]) => {
    await writeFile(file, `jobs: { ${key}: { schedule: every 1h, action: ${action} } }\n`)
    const { code, err } = await chronos(['apply', file, '--yes', ...more])
    assert.equal(code, 0, err)
  }
  const keys = async (args: string[], env: Record<string, string> = {}) => {
    const { out, code, err } = await chronos(['jobs', '--json', ...args], { env })
    assert.equal(code, 0, err)
    return (JSON.parse(out) as { key: string }[]).map(({ key }) => key).toSorted()
  }
  const login = ['login', service.url, '--project', 'billing']
  assert.match((await chronos(login, { input: apiKey })).out, /as profile default, in project billing/)
  const kept = JSON.parse(await readFile(join(home, '.config/chronos/profiles.json'), 'utf8'))
  assert.equal(kept.profiles.default.project, 'billing')

  await apply('invoices')
  await apply('orders', '--project', 'shop')
  assert.deepEqual(await keys([]), ['invoices'])
  assert.deepEqual(await keys(['--project', 'shop']), ['orders'])
  assert.deepEqual(await keys([], { CHRONOS_PROJECT: 'shop' }), ['orders'])
  assert.deepEqual(await keys(['--project', 'billing'], { CHRONOS_PROJECT: 'shop' }), ['invoices'])
  assert.deepEqual(await keys(['--project', '*']), ['invoices', 'orders'])
  const inCi = { CHRONOS_URL: service.url, CHRONOS_API_KEY: apiKey, CHRONOS_PROJECT: 'shop' }
  assert.deepEqual(await keys([], inCi), ['orders'])

  const line = JSON.stringify({
    ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
    params: { name: 'find_jobs', arguments: {} },
  })
  const found = await chronos(['mcp', '--project', 'shop'], { input: line })
  assert.match(found.out, /orders/)
  assert.doesNotMatch(found.out, /invoices/)

  assert.match((await chronos(['pause', '--all'])).out, /^Project billing is paused/)
  assert.match((await chronos(['pause', '--all', '--project', '*'])).out, /^Everything is paused/)
  assert.match((await chronos(['resume', '--all', '--project', '*'])).out, /^Everything goes on/)
  assert.match((await chronos(['resume', '--all'])).out, /^Project billing goes on/)
  assert.equal((await chronos(['pause', 'invoices', '--all'])).code, 2)

  const absent = await chronos(['login', service.url, '--project', 'biling'], { input: apiKey })
  assert.deepEqual([absent.code, /no project biling\. Did you mean billing\?/.test(absent.err)], [5, true])
})

test('a key of a project sees the status and the doctor that it may', async () => {
  const wish = { name: 'of billing', scopes: ['jobs:write'], project: 'billing' }
  const { body } = await service.api('POST', '/api/keys', wish)
  const env = { CHRONOS_URL: service.url, CHRONOS_API_KEY: body.secret as string }
  const status = await chronos(['status'], { env })
  assert.equal(status.code, 0, status.err)
  assert.match(status.out, /^Chronos .*woken by chronos\nproject billing: 1 jobs, 0 runs this minute\n$/)
  const doctor = await chronos(['doctor'], { env })
  assert.equal(doctor.code, 0, doctor.out)
  assert.match(doctor.out, /✔ it is woken by chronos/)
  assert.doesNotMatch(doctor.out, /undefined/)
})
