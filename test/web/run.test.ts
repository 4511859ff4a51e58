import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Tries a program in the window of a job to be made, and waits until it has said its process id. */
async function tryProgram(script: string) {
  const opened = await reader.open('/make?kind=command')
  const { page } = opened
  await page.getByRole('textbox', { name: 'Name' }).fill('tried')
  await page.getByRole('textbox', { name: 'Program' }).fill('sh')
  await page.getByRole('textbox', { name: 'Arguments' }).fill(`-c\necho "pid $$"; ${script}`)
  await page.getByRole('button', { name: 'Try it once' }).click()
  const window = page.getByRole('dialog', { name: 'Try tried' })
  const said = await window
    .locator('.log')
    .getByText(/^pid \d+$/)
    .textContent()
  return { ...opened, window, pid: Number(said?.slice(4)) }
}

test('a job is tried before it is saved: its log as it comes, its outcome, and not a row of it', async () => {
  const { sql } = service.database
  const rows = async () => {
    const [row] = await sql`
      select (select count(*) from jobs) as jobs, (select count(*) from runs) as runs,
        (select count(*) from attempt_logs) as logs, (select count(*) from deliveries) as deliveries`
    return { ...row }
  }
  const before = await rows()
  const { page, context, window } = await tryProgram('read go; echo "never"; exit 3')
  await window.getByText('EXIT_CODE', { exact: true }).waitFor()
  await window.getByText('failed').first().waitFor()
  assert.deepEqual(await violations(page), [])
  assert.deepEqual(await rows(), before)
  await window.getByRole('button', { name: 'Close' }).last().click()
  await window.waitFor({ state: 'detached' })
  await context.close()
})

test('a try ends with its window, and when the browser goes', async () => {
  const closed = await tryProgram('sleep 300')
  await closed.window.getByText('running').waitFor()
  assert.ok(isAlive(closed.pid))
  await closed.page.keyboard.press('Escape')
  await until('its program has ended', () => !isAlive(closed.pid))
  await closed.context.close()
  const gone = await tryProgram('sleep 300')
  assert.ok(isAlive(gone.pid))
  await gone.context.close()
  await until('its program has ended too', () => !isAlive(gone.pid))
})

test('a run is watched live: its log as it comes, and its end without a press', async () => {
  const gate = join(tmpdir(), `chronos-gate-${randomUUID()}`)
  const script = `echo begun; until [ -e ${gate} ]; do sleep 0.1; done; echo "step 3"`
  const run = await runOf(script, { isLive: true })
  const { page, context, complaints } = await reader.open(`/runs/${run.id}`)
  const log = page.getByRole('region', { name: 'Log' }).last()
  await log.getByText('begun').waitFor()
  await page.getByRole('button', { name: 'Cancel' }).waitFor()
  // it cannot end before this: its first line was there while it was at work
  await writeFile(gate, '')
  await log.getByText('step 3').waitFor()
  await page.getByRole('button', { name: 'Run again' }).waitFor()
  await page.getByText('succeeded').first().waitFor()
  assert.deepEqual(complaints, [])
  await rm(gate)
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
