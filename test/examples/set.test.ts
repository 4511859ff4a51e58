import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, test } from 'node:test'
import { commandsOn } from '../support/command-users.ts'
import { promisify } from 'node:util'
import { load, readSet, type ExampleSet } from '../../examples/load.ts'
import { startServers } from '../../examples/servers.ts'
import { apiKey, type Json, type Service, startService } from '../support/service.ts'
import { keyOf } from '../support/key.ts'
import { until } from '../support/until.ts'

// The demo set, whole, against the real service and local servers of every kind that it calls.

const env = { ENCRYPTION_KEY: keyOf(7).toString('base64') }
const clock = '2026-06-18T08:01:00Z'

let service: Service
let servers: Awaited<ReturnType<typeof startServers>>
let set: ExampleSet
let ids: Map<string, string>
before(async () => {
  const { secrets } = await readSet()
  servers = await startServers({ hookSecret: secrets['HOOK_SECRET'] ?? '' })
  set = await readSet(servers.ports)
  service = await startService({ clock, env: { ...env, ...commandsOn } })
  ids = await load(set, { url: service.url, apiKey })
})
after(async () => {
  await service.close()
  await servers.close()
})

const idOf = (name: string) => ids.get(name) ?? assert.fail(`no job "${name}"`)

async function start(name: string, input?: object): Promise<void> {
  const { status } = await service.api('POST', `/api/jobs/${idOf(name)}/run`, input ? { input } : {})
  assert.equal(status, 202)
}

/** The newest run of a job, once it has ended. */
async function ended(name: string): Promise<Json> {
  const newest: Json = await until(`the newest run of ${name} has ended`, async () => {
    const { body } = await service.api('GET', `/api/jobs/${idOf(name)}/runs`)
    const [run] = body.runs
    return run && ['succeeded', 'failed', 'timed_out'].includes(run.state) && run
  })
  return (await service.api('GET', `/api/runs/${newest.id}`)).body.run
}

test('the set loads whole, and once more without a second job', async () => {
  assert.deepEqual(
    [...ids.keys()],
    set.jobs.map(({ name }) => name),
  )
  assert.deepEqual(await load(set, { url: service.url, apiKey }), ids)
})

test('orders are fetched, rendered elsewhere, summed up by a model, and mailed: one chain', async () => {
  await start('fetch orders', { only: 'new' })
  const fetched = await ended('fetch orders')
  assert.equal(fetched.state, 'succeeded', JSON.stringify(fetched.error))
  const orders = servers.shop.calls.find(({ path }) => path === '/orders')
  assert.equal(orders?.headers.authorization, `Bearer ${set.secrets['SHOP_TOKEN']}`)
  assert.deepEqual(orders?.body, { since: null, attempt: 1, only: 'new' })

  const rendered = await ended('render the report')
  assert.deepEqual([rendered.state, rendered.trigger], ['succeeded', 'after'])
  assert.equal(rendered.output, 'The report of today: three orders, 42 EUR.')

  const summed = await ended('sum up the report')
  assert.equal(summed.state, 'succeeded', JSON.stringify(summed.error))
  assert.match(summed.output, /three orders, 42 EUR/)
  assert.equal(servers.model.calls[0]?.headers['authorization'], `Bearer ${set.secrets['MODEL_KEY']}`)
  const [mail] = await servers.mail.waitFor(1)
  assert.match(mail?.raw ?? '', /Subject: sum up the report/)
})

test('where the gate says that there is nothing to do, the action is left out and nobody is told', async () => {
  const hooksBefore = servers.hooks.got.length
  await start('answer new mail')
  const run = await ended('answer new mail')
  assert.equal(run.state, 'succeeded')
  assert.match(run.skipped_reason, /204/)
  assert.deepEqual(
    servers.shop.calls.filter(({ path }) => path === '/answer-mail'),
    [],
  )
  assert.equal(servers.hooks.got.length, hooksBefore)
})

test('the handler looks at the page, and the healthcheck is told', async () => {
  await start('the shop is up')
  const run = await ended('the shop is up')
  assert.equal(run.state, 'succeeded', JSON.stringify(run.error))
  assert.equal(JSON.parse(run.output).status, 200)
  await servers.pings.until(() => servers.pings.got.some(({ signal }) => signal === 'success'))
  assert.equal(servers.pings.got.find(({ signal }) => signal === 'success')?.run, run.id)
})

test('the command runs, and its webhook is signed and says what the template says', async () => {
  await start('disk report')
  const run = await ended('disk report')
  assert.equal(run.state, 'succeeded', JSON.stringify(run.error))
  await servers.hooks.until(() => servers.hooks.got.length > 0)
  const [hook] = servers.hooks.got
  assert.equal(hook?.isVerified, true)
  assert.match(hook?.payload?.data.text ?? '', /^disk report took \d+ ms:\nFilesystem/)
})

test('the program loads the set, and leaves the command out where commands are off', async () => {
  const off = await startService({ clock, env })
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ['examples/load.ts', off.url], {
      env: { PATH: process.env['PATH'], API_KEY: apiKey },
    })
    const lines = stdout.trimEnd().split('\n')
    assert.equal(lines[0], '3 secrets, 2 channels')
    assert.equal(lines.at(-1), 'left out, as COMMANDS is not "on": disk report')
    const { body } = await off.api('GET', '/api/jobs')
    const made = new Set(lines.slice(1, -1))
    assert.equal(made.size, 5)
    for (const { id, name } of body.jobs) assert.ok(made.has(`${id} ${name}`), name)
    assert.equal(body.jobs.length, 5)
  } finally {
    await off.close()
  }
})
