import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { apiKey, type Json, type Service, startService } from '../support/service.ts'

// What an agent gets to read when it is wrong: one or two sentences that name the argument and what to do.

let service: Service
before(async () => {
  service = await startService()
})
after(() => service.close())

const eras = { 'the revision 2026-07-28': { pin: '2026-07-28' }, 'the one before': 'legacy' } as const

async function connect(mode: (typeof eras)[keyof typeof eras], key = apiKey): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
  const requestInit = { headers: { authorization: `Bearer ${key}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL(`${service.url}/mcp`), { requestInit }))
  return client
}

type Called = { isError: boolean; text: string }
const calling =
  (client: Client) =>
  async (name: string, given: Json): Promise<Called> => {
    const result: Json = await client.callTool({ name, arguments: given })
    return { isError: result.isError === true, text: result.content[0].text }
  }

const none = '00000000-0000-4000-8000-000000000000'
const action = { type: 'http', url: 'https://example.com' }

/** Of each tool, what is wrong, and what the agent reads. */
const mistakes: [tool: string, given: Json, read: RegExp][] = [
  ['preview_schedule', {}, /^schedule: required \(`every 30m`/],
  ['preview_schedule', { schedule: 'at noonish' }, /"noonish" was not understood\. Try "every day at 9am"/],
  [
    'preview_schedule',
    { schedule: 5 },
    /^schedule: must be a string .*, a list .* or an object with `rules`, not 5/,
  ],
  ['preview_schedule', { schedule: { rule: 'every 5m' } }, /rules/],
  ['preview_schedule', { schedule: 'every 5m', timezone: 'Mars/Base' }, /TIMEZONE_UNKNOWN/],
  ['preview_schedule', { schedule: 'every 5m', count: 21 }, /^count: must be a whole number from 1 to 20$/],
  ['find_jobs', { state: 'odd' }, /^state: must be "scheduled" or/],
  ['find_jobs', { limit: '5' }, /^limit: must be a whole number from 1 to 100$/],
  ['find_jobs', { name: 'x' }, /^find_jobs has no argument "name"\. It takes q, tag, state, limit\.$/],
  ['get_job', {}, /^job: required \(its id or its key\)$/],
  ['get_job', { job: 5 }, /^job: must be a string$/],
  ['get_job', { job: 'nope' }, /^No job with key nope \(JOB_NOT_FOUND\)\. find_jobs lists the jobs\.$/],
  ['explain_job', { job: '000000000000' }, /^No job with id 000000000000 .* find_jobs lists the jobs\.$/],
  ['create_job', { name: 'x' }, /^schedule: required/],
  ['create_job', { name: 'x', schedule: 'every 5m' }, /action/],
  ['create_job', { name: 'x', schedule: 'every 5m', action, retrie: 3 }, /unknown field `retrie`/],
  [
    'create_job',
    { name: 'x', schedule: 'every 5m', action, validate_only: 'yes' },
    /^validate_only: must be true or false$/,
  ],
  [
    'create_job',
    { name: 'x', schedule: '61 * * * *', action },
    /SCHEDULE_INVALID\)\. Try it with preview_schedule\.$/,
  ],
  ['change_job', { schedule: 'every 5m' }, /^job: required/],
  ['change_job', { job: 'kept', shedule: 'every 5m' }, /unknown field `shedule`; did you mean `schedule`/],
  ['pause_job', { job: 'kept', until: 'tomorrow' }, /^until: must be an ISO 8601 instant/],
  ['resume_job', {}, /^job: required/],
  ['run_job', { job: 'kept', wait_s: 61 }, /^wait_s: must be a whole number from 0 to 60$/],
  ['run_job', { job: 'nope' }, /find_jobs lists the jobs/],
  ['find_runs', { status: 'odd' }, /^status: must be one or several of claimed, running/],
  ['find_runs', { since: 'yesterday' }, /^since: must be an ISO 8601 instant/],
  ['get_run', {}, /^run: required \(its id\)$/],
  ['get_run', { run: 'x' }, /RUN_ID_INVALID\)\. find_runs lists the runs with their ids\.$/],
  ['get_run', { run: none }, /^No run with id .*\. find_runs lists the runs\.$/],
  ['read_log', { run: none }, /find_runs lists the runs/],
  ['read_log', { run: none, attempt: 0 }, /^attempt: must be a whole number from 1 to 1000$/],
  [
    'remove_job',
    { job: 'kept' },
    /^This key has no tool named remove_job\. It has preview_schedule, find_jobs/,
  ],
]

for (const [era, mode] of Object.entries(eras))
  test(`whatever an agent does wrong, it reads why in a sentence or two (${era})`, async () => {
    const client = await connect(mode)
    const call = calling(client)
    await call('create_job', { name: 'kept', key: 'kept', schedule: 'every 1h', action })
    for (const [tool, given, read] of mistakes) {
      const { isError, text } = await call(tool, given)
      const what = `${tool} ${JSON.stringify(given)}: ${text}`
      assert.ok(isError && read.test(text), what)
      assert.ok(text.length < 600 && !/undefined|\[object/.test(text), what)
    }
    const { tools } = await client.listTools()
    const tried = new Set(mistakes.map(([tool]) => tool))
    assert.deepEqual(
      tools.filter(({ name }) => !tried.has(name)),
      [],
      'each tool is tried',
    )
    for (const uri of ['chronos://jobs/000000000000', 'other://x', `chronos://runs/${none}`]) {
      const failed = await client.readResource({ uri }).then(
        () => ({ code: 0, message: '' }),
        (error: Error & { code: number }) => error,
      )
      assert.ok([-32002, -32602].includes(failed.code), `${uri}: ${failed.code} ${failed.message}`)
      assert.match(failed.message, /No (job|run|resource)/)
    }
    await client.close()
  })

const forms: [form: Json, says: RegExp][] = [
  ['first monday of the month at 9am', /on the first Monday/],
  [['0 18 * * 5', '0 9 * * 1'], /Monday/],
  [{ rules: 'every day at 9am', except: ['2030-12-25', 'weekends'], from: '2030-01-01' }, /09:00/],
]

for (const [era, mode] of Object.entries(eras))
  test(`a schedule may be a text, a list or an object, as in the API (${era})`, async () => {
    const client = await connect(mode)
    const call = calling(client)
    const { tools } = await client.listTools()
    for (const name of ['preview_schedule', 'create_job', 'change_job']) {
      const found: Json = tools.find((one) => one.name === name)
      assert.deepEqual(
        (found.inputSchema.properties.schedule.anyOf as Json[]).map(({ type }) => type as string),
        ['string', 'array', 'object'],
      )
    }
    for (const [n, [schedule, says]] of forms.entries()) {
      const preview = await call('preview_schedule', { schedule, timezone: 'UTC', count: 2 })
      assert.equal(preview.isError, false, preview.text)
      assert.match(JSON.parse(preview.text).description, says)
      const key = `form-${n}-${Object.keys(eras).indexOf(era)}`
      const made = await call('create_job', { name: 'x', key, schedule, timezone: 'UTC', action })
      assert.equal(made.isError, false, made.text)
      const changed = await call('change_job', { job: key, schedule: 'every 45m' })
      assert.equal(JSON.parse(changed.text).schedule, 'every 45m')
      const back = await call('change_job', { job: key, schedule })
      assert.equal(JSON.parse(back.text).schedule, JSON.parse(made.text).schedule)
    }
    await client.close()
  })
