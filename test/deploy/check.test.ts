import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { json } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { freePort } from '../../dev/free-port.ts'
import project from '../../package.json' with { type: 'json' }
import { type Setup, setup, useRelease } from '../fly/setup.ts'
import { until } from '../support/until.ts'

useRelease()

const apiKey = 'deploy-check-key-0123456789'
const program = 'cli/main.ts'

/** The program that people run, on a service on local Fly with these variables. What it printed, and its exit status. */
async function check(
  context: TestContext,
  { env = {}, args = [], key = apiKey, before }: Wish = {},
): Promise<{ text: string; status: number | null; world: Setup }> {
  const world = await setup(context, { env: { API_KEY: apiKey, ...env } })
  await before?.(world)
  const target = [
    '--target',
    `${world.target.url}/hook`,
    '--due-in',
    '3',
    '--patience',
    '3',
    '--sleep-within',
    '7',
  ]
  const { text, status } = await run([world.fly.url, ...target, ...args], key)
  context.diagnostic(text)
  const [jobs] = await world.database.sql`select count(*)::int as n from jobs`
  assert.equal(jobs?.['n'], 0, 'it leaves nothing behind')
  return { text, status, world }
}

type Wish = {
  env?: Record<string, string>
  args?: string[]
  key?: string
  before?: (world: Setup) => Promise<unknown> | void
}

async function run(args: string[], key = apiKey) {
  const child = spawn(process.execPath, [program, 'doctor', '--try', ...args], {
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', API_KEY: key },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const output of [child.stdout, child.stderr]) output.on('data', (piece) => (text += String(piece)))
  const [status] = (await once(child, 'close')) as [number | null]
  return { text, status }
}

test('a service that was deployed as it should be: every line is good, and nothing is left of the check', async (context) => {
  const { text, status, world } = await check(context)
  assert.doesNotMatch(text, /✖/)
  for (const line of [
    /answers/,
    /database/,
    /API key/,
    /outside timer wakes it \(chronos\)/,
    /confirmed its wake-up/,
  ])
    assert.match(text, line)
  assert.match(text, /the job was fired and ran, \d+ ms after/)
  assert.match(text, /armed again, for 20/)
  assert.match(text, /the machine sleeps/)
  assert.equal(status, 0)
  assert.deepEqual(world.nas.armed(), [])
})

test('a wrong key is told as that', async (context) => {
  const { text, status } = await check(context, { key: 'another-key-0123456789' })
  assert.match(text, /✖ it does not take the API key/)
  assert.equal(status, 1)
})

test('a callback that the timer cannot reach: the job was due, and no fire came', async (context) => {
  const { text, status } = await check(context, { env: { CALLBACK_URL: 'http://127.0.0.1:9' } })
  assert.match(text, /✖ the job was due, and no fire came.*CALLBACK_URL/)
  assert.equal(status, 1)
})

test('no outside timer: it says so, and the job runs all the same', async (context) => {
  const { text, status } = await check(context, { env: { CRON_PROVIDER: '' } })
  assert.match(text, /✖ no outside timer is set up.*--always-on/)
  assert.match(text, /✔ the job came due and ran/)
  assert.equal(status, 1)
})

test('a timer that is not configured completely is not taken for none', async (context) => {
  const { text } = await check(context, { env: { NAS_AUDIENCE: '' } })
  assert.match(text, /✖ CRON_PROVIDER is chronos, and its configuration is not complete/)
})

test('a timer that takes no wake-ups: what it answered', async (context) => {
  const { text, status } = await check(context, { before: ({ nas }) => nas.misbehave('answer', '500') })
  assert.match(text, /✖ the timer does not confirm wake-ups: NAS_FAILED/)
  assert.equal(status, 1)
})

test('a machine that does not sleep, and why', async (context) => {
  const { text, status } = await check(context, { env: { IDLE_EXIT_MS: '0' } })
  assert.match(text, /✖ the machine does not sleep.*IDLE_EXIT_MS/)
  assert.equal(status, 1)
})

test('a service that is meant to stay up and be its own timer is fine', async (context) => {
  const { text, status } = await check(context, {
    env: { CRON_PROVIDER: '', IDLE_EXIT_MS: '0' },
    args: ['--always-on'],
  })
  assert.doesNotMatch(text, /✖/)
  assert.match(text, /due again at/)
  assert.equal(status, 0)
})

test('a run that fails, and a target that may not be called', async (context) => {
  const failed = await check(context, {
    before: ({ target }) => target.behave('/hook', { does: 'status', value: 500 }),
  })
  assert.match(failed.text, /✖ the job was fired, and its run ended as failed: HTTP_STATUS/)
  const refused = await check(context, { env: { TARGET_ALLOW: '' } })
  assert.match(refused.text, /✖ a job could not be made \(400\).*TARGET_ALLOW/)
})

test('a database that is away, and a place where nobody is', async (context) => {
  const away = await check(context, { before: ({ postgres }) => postgres.setMode('refuse') })
  assert.match(away.text, /✖ it is not ready: its database does not answer/)
  const port = await freePort()
  const nobody = await run([`http://127.0.0.1:${port}`])
  assert.match(nobody.text, new RegExp(`✖ Nothing listens at 127.0.0.1:${port}`))
  assert.equal(nobody.status, 1)
})

test('a command that cannot be right is answered with what is wrong', async () => {
  for (const [args, key, said, code] of [
    [[], apiKey, /There is no login yet/, 4],
    [['https://a.example', 'https://b.example'], apiKey, /too many arguments/, 2],
    [['a.example'], apiKey, /no URL of a service/, 2],
    [['https://a.example'], '', /There is no key .*CHRONOS_API_KEY/, 2],
    [['https://a.example', '--due-in', 'soon'], apiKey, /whole number from 1 to 9999/, 2],
    [['https://a.example', '--all'], apiKey, /--all/, 2],
  ] as const) {
    const { text, status } = await run([...args], key)
    assert.match(text, said)
    assert.equal(status, code, text)
  }
})

test('npm run deploy:check is chronos doctor --try', () => {
  assert.equal(project.scripts['deploy:check'], `node dev/run.mjs ${program} doctor --try`)
})

test('Ctrl-C removes the job, and programs get JSON', async (context) => {
  const { fly, target, database } = await setup(context, { env: { API_KEY: apiKey } })
  const args = [program, 'doctor', '--try', fly.url, '--json', '--target', `${target.url}/hook`]
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', API_KEY: apiKey },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const jobs = async () => (await database.sql`select count(*)::int as n from jobs`)[0]?.['n'] as number
  await until('its job is there', async () => (await jobs()) === 1 || null)
  child.kill('SIGINT')
  assert.deepEqual(await once(child, 'close'), [130, null])
  assert.equal(await jobs(), 0)

  const looked = spawn(process.execPath, [program, 'doctor', fly.url, '--json'], {
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', CHRONOS_API_KEY: apiKey },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const { ok, findings } = (await json(looked.stdout)) as {
    ok: boolean
    findings: { ok: boolean; text: string }[]
  }
  assert.equal(ok, true, JSON.stringify(findings))
  assert.ok(findings.some((one) => one.text === 'it takes the API key'))
  assert.ok(findings.some((one) => /its health is ok/.test(one.text)))
})
