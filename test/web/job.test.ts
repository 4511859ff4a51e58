import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { tellStory } from '../../dev/pictures/story.ts'
import { shrinkToPhone, startReader, violations } from '../support/browser.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'

const service = await startService()
const reader = await startReader(service)
after(async () => {
  await reader.close()
  await service.close()
})
const told = await tellStory(service.api, service.database.sql, new Date())
const shop = told.get('Shop export')
const invoices = told.get('Invoices to the bank')
const readJob = async (id: string | undefined) => (await service.api('GET', `/api/jobs/${id}`)).body.job

test('a job is told: its words, its instants, who holds its wake-up, its failures', async () => {
  const { page, context, complaints } = await reader.open(`/jobs/${invoices}`)
  await page.getByText('at 09:00, on Monday to Friday').waitFor()
  await page.getByText(/The timer service \(chronos\) holds .*; it was confirmed/).waitFor()
  assert.equal(await page.getByRole('region', { name: 'Schedule' }).getByRole('listitem').count(), 10)
  await page.getByText('is tried 3 times in all').waitFor()
  await page.goto(`/jobs/${shop}`)
  await page.getByText('The last 3 runs were failures').waitFor()
  assert.deepEqual(complaints, [])
  await context.close()
})

test('a day of the year opens its slots, each with its reason', async () => {
  const { page, context } = await reader.open(`/jobs/${shop}`)
  const days = page.getByRole('group', { name: /^Days/ })
  await days
    .getByRole('button', { name: /failed/ })
    .last()
    .waitFor()
  await days.getByRole('button').last().focus()
  await page.keyboard.press('ArrowUp')
  await page.keyboard.press('Enter')
  await page.waitForURL(/\?day=\d{4}-\d\d-\d\d$/)
  const slots = page.getByRole('table', { name: /^Slots of/ })
  await slots.getByText('succeeded').first().waitFor()
  assert.ok((await slots.getByRole('link', { name: 'its run' }).count()) > 5)
  await context.close()
})

test('editing shows what changes, with old and new instants, before it is saved', async () => {
  const { page, context } = await reader.open(`/jobs/${invoices}`)
  await page.getByRole('button', { name: 'Edit' }).click()
  const schedule = page.getByRole('textbox', { name: 'Schedule' })
  await schedule.fill('every weekday at half past')
  await page.getByText(/SCHEDULE_/).waitFor()
  await schedule.fill('every weekday at 10:30')
  const changes = page.getByRole('region', { name: 'What saving changes' })
  await changes.getByText('at 10:30, on Monday to Friday').waitFor()
  const instants = (time: string) =>
    changes
      .getByRole('listitem')
      .filter({ hasText: ` ${time}` })
      .count()
  assert.deepEqual([await instants('09:00'), await instants('10:30')], [5, 5])
  assert.deepEqual(await violations(page), [])
  assert.equal((await readJob(invoices)).schedule.expr, '0 9 * * 1-5')

  await page.getByRole('button', { name: 'JSON' }).click()
  const json = page.getByRole('textbox', { name: 'The job as JSON' })
  await json.fill((await json.inputValue()).replace('"timeout_ms": null', '"timeout_ms": 5000'))
  await page.getByRole('button', { name: 'Save 2 changes' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  const saved = await readJob(invoices)
  assert.deepEqual(
    [saved.schedule.expr, saved.timeout_ms, saved.name],
    ['30 10 * * 1-5', 5000, 'Invoices to the bank'],
  )
  await page.getByText('at 10:30, on Monday to Friday').waitFor()
  await context.close()
})

test('an edit of what another one changed meanwhile is refused, and says so', async () => {
  const { page, context } = await reader.open(`/jobs/${shop}`)
  await page.getByRole('button', { name: 'Edit' }).click()
  await page.getByRole('textbox', { name: 'Name' }).fill('Shop export 2')
  await service.api('PATCH', `/api/jobs/${shop}`, { tags: ['billing', 'export', 'new'] })
  // the page behind has read it, so the newest version is at hand
  await page.locator('a.tag').getByText('new').waitFor()
  await page.getByRole('button', { name: 'Save 1 change' }).click()
  await page.getByRole('alert').getByText('VERSION_CONFLICT').waitFor()
  assert.equal((await readJob(shop)).name, 'Shop export')
  await context.close()
})

test('a job is paused with its reason, resumed, run with input, duplicated and deleted', async () => {
  const job = await service.makeJob({ name: 'a toy' })
  const { page, context } = await reader.open(`/jobs/${job.id}`)
  await page.getByRole('button', { name: 'Pause' }).click()
  await page.getByLabel('Reason').fill('it is broken')
  await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click()
  await page.getByText('it is broken').waitFor()
  assert.equal((await readJob(job.id)).state, 'paused')
  await page.getByRole('button', { name: 'Resume' }).click()
  await page.getByRole('button', { name: 'Pause' }).waitFor()

  await page.getByRole('button', { name: 'Duplicate' }).click()
  await page.getByRole('heading', { level: 1, name: 'a toy (copy)' }).waitFor()
  const copy = await readJob(page.url().split('/').at(-1))
  assert.deepEqual([copy.state, copy.action], ['paused', (await readJob(job.id)).action])

  await page.getByRole('button', { name: 'Run now' }).click()
  await page.getByLabel('Input').fill('{"n": 7}')
  await page.getByRole('dialog').getByRole('button', { name: 'Run now' }).click()
  await page.waitForURL(/\/runs\//)
  const { body } = await service.api('GET', `/api${new URL(page.url()).pathname}`)
  assert.deepEqual([body.run.job_id, body.run.input], [copy.id, { n: 7 }])

  await page.goto(`/jobs/${job.id}`)
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByLabel('Type a toy to confirm').fill('a toy')
  await page.getByRole('button', { name: 'Delete the job' }).click()
  await page.waitForURL('**/jobs')
  await until('it is gone', async () => (await service.api('GET', `/api/jobs/${job.id}`)).status === 404)
  await page.goto(`/jobs/${job.id}`)
  await page.getByText('There is no job with this id').waitFor()
  await context.close()
})

for (const theme of ['light', 'dark'])
  test(`the page of a job has no violation, ${theme}, and fits a phone`, async () => {
    const { page, context } = await reader.open(`/jobs/${shop}`, { dark: theme === 'dark' })
    await page.getByText('The last 3 runs were failures').waitFor()
    await page.getByRole('img', { name: /How long/ }).waitFor()
    assert.deepEqual(await violations(page), [])
    await shrinkToPhone(page)
    assert.deepEqual(await violations(page), [])
    await context.close()
  })
