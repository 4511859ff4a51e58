import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { phone, startReader, violations, widerBy } from '../support/browser.ts'
import { commandsOn } from '../support/command-users.ts'
import { keyOf } from '../support/key.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'

const service = await startService({
  env: { ENCRYPTION_KEY: keyOf('pages').toString('base64'), TARGET_ALLOW: '127.0.0.1', ...commandsOn },
})
const reader = await startReader(service)
after(async () => {
  await reader.close()
  await service.close()
})

/** A run of a new job, with a program as its action; ended, unless `isLive`. */
async function runOf(script: string, { isLive = false, ...fields }: Record<string, unknown> = {}) {
  const action = { type: 'command', command: 'sh', args: ['-c', script] }
  const job = await service.makeJob({ name: 'a build', action, ...fields })
  const { run } = (await service.api('POST', `/api/jobs/${job.id}/run`, {})).body
  if (!isLive) await until('the run has ended', async () => (await readRun(run.id)).finished_at !== null)
  return run
}
const readRun = async (id: string) => (await service.api('GET', `/api/runs/${id}`)).body.run

test('a job is made by words: read as it is typed, and shown as curl and as a file', async () => {
  const { page, context, complaints } = await reader.open('/make')
  const when = page.getByRole('textbox', { name: 'When' })
  await when.fill('every weekday at half past')
  const reading = page.getByRole('region', { name: 'As it is read' })
  await reading.getByText(/schedule/i).waitFor()
  await when.fill('every weekday at 9:30am')
  await reading.getByText('at 09:30, on Monday to Friday').waitFor()
  assert.equal(await reading.getByRole('listitem').count(), 5)
  await page.getByRole('textbox', { name: 'Name' }).fill("the team's report")
  await page.getByRole('textbox', { name: 'URL' }).fill(`${service.target.url}/hook`)
  await page.getByText(String.raw`"name": "the team'\''s report"`).waitFor()
  await page.getByRole('button', { name: 'chronos.yaml' }).click()
  await page.getByText('the-team-s-report:').waitFor()
  await page.getByRole('button', { name: 'Make the job' }).click()
  await page.waitForURL(/\/jobs\/[0-9a-f]{12}$/)
  const job = (await service.api('GET', `/api/jobs/${page.url().slice(-12)}`)).body.job
  assert.equal(job.schedule.expr, '30 9 * * 1-5')
  assert.equal(job.timezone, 'Europe/Berlin')
  // the refused schedule is the one thing that the browser may have complained of
  assert.deepEqual(
    complaints.filter((text) => !text.startsWith('Failed to load resource')),
    [],
  )
  await context.close()
})

test('a job is tried before it is saved, and nothing of the try is left', async () => {
  const { page, context } = await reader.open('/make?kind=command')
  await page.getByRole('textbox', { name: 'Name' }).fill('tried')
  await page.getByRole('textbox', { name: 'Program' }).fill('echo')
  await page.getByRole('textbox', { name: 'Arguments' }).fill('it was tried')
  // one that a browser has left behind because it crashed
  const left = await service.makeJob({ name: 'tried long ago', tags: ['a-try'] })
  await service.database.sql`update jobs set created_at = now() - interval '2 hours' where id = ${left.id}`
  await page.getByRole('button', { name: 'Try it once' }).click()
  const window = page.getByRole('dialog', { name: 'Try tried' })
  await window.getByText('succeeded').waitFor()
  await window.getByText('it was tried').first().waitFor()
  await window
    .getByRole('contentinfo')
    .or(window.getByRole('button', { name: 'Close' }))
    .last()
    .click()
  await until('the copy is gone', async () => {
    const { jobs } = (await service.api('GET', '/api/jobs?state=all&q=tried')).body
    return jobs.length === 0
  })
  await context.close()
})

test('a window that is closed during a try leaves no copy of the job', async () => {
  const { page, context } = await reader.open('/make?kind=command')
  await page.getByRole('textbox', { name: 'Name' }).fill('closed')
  await page.getByRole('textbox', { name: 'Program' }).fill('echo')
  await page.getByRole('textbox', { name: 'Arguments' }).fill('something')
  await page.getByRole('button', { name: 'Try it once' }).click()
  await page.getByRole('dialog').getByText('succeeded').waitFor()
  await page.goto('about:blank')
  await until('the copy is gone', async () => {
    const { jobs } = (await service.api('GET', '/api/jobs?state=all&q=closed')).body
    return jobs.length === 0
  })
  await context.close()
})

test('a run is watched live: its log as it comes, and its end without a press', async () => {
  const run = await runOf(
    'echo begun; read answer < /dev/null; for i in 1 2 3; do sleep 1; echo "step $i"; done',
    {
      isLive: true,
    },
  )
  const { page, context, complaints } = await reader.open(`/runs/${run.id}`)
  const log = page.getByRole('region', { name: 'Log' }).last()
  await log.getByText('begun').waitFor()
  await page.getByRole('button', { name: 'Cancel' }).waitFor()
  await log.getByText('step 3').waitFor()
  await page.getByRole('button', { name: 'Run again' }).waitFor()
  await page.getByText('succeeded').first().waitFor()
  assert.deepEqual(complaints, [])
  await context.close()
})

test('why a run failed is read, and its log is searched; a megabyte of lines is a few rows', async () => {
  const script = 'for i in $(seq 1 2000); do echo "step $i"; done; echo "module 7 is not found" >&2; exit 3'
  const run = await runOf(script)
  const { page, context } = await reader.open(`/runs/${run.id}`)
  await page.getByRole('alert').getByText('module 7 is not found').waitFor()
  await page.getByText('EXIT_CODE: why it failed').waitFor()
  const log = page.getByRole('region', { name: 'Log' }).last()
  const request = page.getByRole('region', { name: 'Request' })
  await request.getByText('as it was filled in; secrets stand by their names').waitFor()
  // it follows: the end is in view
  await log.getByText('step 2000').waitFor()
  assert.ok((await page.locator('.log .line').count()) < 100)
  await page.getByRole('searchbox', { name: 'Search the log' }).fill('step 77')
  await page.getByText('1 of 11').waitFor()
  await log.locator('.current').getByText('step 77').waitFor()
  await page.keyboard.press('Enter')
  await page.getByText('2 of 11').waitFor()
  await log.locator('.current').getByText('step 770').waitFor()
  await context.close()
})

test('a delivery that failed is sent again', async () => {
  service.target.behave('/refused', { does: 'status', value: 404 })
  await service.api('PUT', '/api/channels/hook', { type: 'webhook', url: `${service.target.url}/refused` })
  const run = await runOf('exit 1', { deliver: 'hook' })
  const found = async () => (await service.api('GET', `/api/runs/${run.id}/deliveries`)).body.deliveries[0]
  await until('the delivery has failed', async () => (await found())?.state === 'failed')
  await service.api('PUT', '/api/channels/hook', { type: 'webhook', url: `${service.target.url}/hook` })
  const { page, context } = await reader.open(`/runs/${run.id}`)
  const deliveries = page.getByRole('region', { name: 'Deliveries' })
  await deliveries.getByText('failed').waitFor()
  await deliveries.getByRole('button', { name: 'Send again' }).click()
  await until('the delivery has arrived', async () => (await found()).state === 'delivered')
  await context.close()
})

test('a key that may only read is offered nothing that would be refused', async () => {
  const run = await runOf('exit 1')
  const { secret } = (await service.api('POST', '/api/keys', { name: 'reader', scopes: ['jobs:read'] })).body
  const { page, context } = await reader.open(`/runs/${run.id}`, { key: secret })
  await page.getByText('EXIT_CODE: why it failed').waitFor()
  for (const name of ['Run again', 'Cancel', 'Send again'])
    assert.equal(await page.getByRole('button', { name }).count(), 0, name)
  await page.goto('/make')
  await page.getByText('This key may not make jobs').waitFor()
  await context.close()
})

test('a run and the making of a job: both themes, a phone, the keyboard alone', async () => {
  const run = await runOf('echo done')
  for (const path of [`/runs/${run.id}`, '/make']) {
    for (const dark of [false, true]) {
      const { page, context } = await reader.open(path, { dark })
      await page.getByRole('heading', { level: 1 }).waitFor()
      assert.deepEqual(await violations(page), [], `${path} ${dark ? 'dark' : 'light'}`)
      await context.close()
    }
    const { page, context } = await reader.open(path, { size: phone })
    await page.getByRole('heading', { level: 1 }).waitFor()
    assert.equal(await widerBy(page), 0, path)
    await context.close()
  }
  const { page, context } = await reader.open(`/runs/${run.id}`)
  const again = page.getByRole('button', { name: 'Run again' })
  await again.focus()
  await page.keyboard.press('Enter')
  const window = page.getByRole('dialog', { name: 'Run it again?' })
  await window.getByRole('button', { name: 'Run again' }).focus()
  await page.keyboard.press('Enter')
  await page.waitForURL((url) => url.pathname.startsWith('/runs/') && !url.pathname.includes(run.id))
  await context.close()
})
