import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { shrinkToPhone, startReader, violations } from '../support/browser.ts'
import { keyOf } from '../support/key.ts'
import { apiKey, startService } from '../support/service.ts'
import { until } from '../support/until.ts'

const service = await startService({ env: { ENCRYPTION_KEY: keyOf('projects').toString('base64') } })
const reader = await startReader(service)
after(async () => {
  await reader.close()
  await service.close()
})

/** A call that chooses a project, as the page makes it. */
const inProject = (project: string) => async (method: string, path: string, body: object) => {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
  const answer = await fetch(service.url + path, {
    ...{ method, body: JSON.stringify(body) },
    headers: { ...headers, 'chronos-project': project },
  })
  return answer.json()
}

test('where there is one project nothing says so', async () => {
  await service.makeJob({ name: 'of default' })
  const { page, context } = await reader.open('/jobs')
  await page.getByRole('link', { name: 'of default' }).waitFor()
  assert.equal(await page.getByLabel('Project').count(), 0)
  assert.equal(await page.locator('.whose').count(), 0)
  await context.close()
})

test('a key of all projects chooses one, which stays in the address of each view', async () => {
  await service.api('PUT', '/api/projects/billing', { jobs: 200 })
  const job = {
    name: 'invoices',
    schedule: '0 9 * * *',
    action: { type: 'http', url: 'https://example.com/' },
  }
  await inProject('billing')('POST', '/api/jobs', job)
  await inProject('billing')('PUT', '/api/secrets/BANK_TOKEN', { value: 'a long enough value' })
  const { page, context, complaints } = await reader.open('/jobs')
  const names = () => page.locator('.body [role=row] a').allTextContents()
  await page.getByRole('link', { name: 'invoices' }).waitFor()
  // side by side each says whose it is
  await page.locator('[role=row]', { hasText: 'invoices' }).getByText('billing').waitFor()
  assert.deepEqual((await names()).toSorted(), ['invoices', 'of default'])
  assert.deepEqual(await violations(page), [])

  await page.getByLabel('Project').selectOption('billing')
  await page.waitForURL('**/jobs?project=billing')
  await until('its jobs alone are there', async () => (await names()).join() === 'invoices')
  assert.equal(await page.locator('.whose').count(), 0)
  await page.getByRole('link', { name: 'invoices' }).click()
  await page.waitForURL(/\/jobs\/[0-9a-f]{12}\?project=billing$/)
  await page.getByRole('link', { name: 'Secrets' }).click()
  await page.waitForURL('**/secrets?project=billing')
  await page.getByText('BANK_TOKEN').waitFor()

  // what is made is of the project, and the address alone leads there
  await page.goto('/make?project=billing')
  await page.getByText('in the project billing').waitFor()
  await page.getByRole('textbox', { name: 'Name' }).fill('made here')
  await page.getByRole('button', { name: 'Make the job' }).click()
  await page.getByRole('heading', { level: 1, name: 'made here' }).waitFor()
  const made = new URL(page.url())
  assert.equal((await service.api('GET', `/api${made.pathname}`)).body.job.project, 'billing')
  assert.equal(made.search, '?project=billing')

  await page.getByLabel('Project').selectOption('default')
  await page.waitForURL('**/jobs?project=default')
  await until('those of default', async () => (await names()).join() === 'of default')
  await page.goto('/secrets')
  await page.getByText('of the project default').waitFor()
  assert.equal(await page.getByText('BANK_TOKEN').count(), 0)
  assert.deepEqual(complaints, [])
  await context.close()
})

test('a project that is not there is said to be missing', async () => {
  const { page, context } = await reader.open('/jobs?project=no-such')
  await page.getByRole('alert').getByText('PROJECT_NOT_FOUND').waitFor()
  assert.equal(await page.getByLabel('Project').inputValue(), 'no-such')
  await context.close()
})

test('a project is made, given quotas, paused with a reason, resumed and removed', async () => {
  const { page, context } = await reader.open('/projects')
  await page.getByText('2 of 200 jobs').waitFor()
  await page.getByRole('button', { name: 'New project' }).click()
  await page.getByRole('textbox', { name: 'Name' }).fill('short-lived')
  await page.getByLabel('Runs in a minute').fill('60')
  await page.getByRole('button', { name: 'Make the project' }).click()
  await page.getByText('0 of 60 runs this minute').waitFor()
  await page.getByRole('button', { name: 'Quotas of short-lived' }).click()
  await page.getByLabel('Runs in a minute').fill('')
  await page.getByLabel('Places').fill('2')
  await page.getByRole('button', { name: 'Save the quotas' }).click()
  await page.getByText('2 places in each process').waitFor()

  await page.getByRole('button', { name: 'Pause billing' }).click()
  await page.getByLabel('Reason').fill('the bank is closed')
  assert.deepEqual(await violations(page), [])
  await page.getByRole('dialog').getByRole('button', { name: 'Pause billing' }).click()
  const told = page.getByRole('status').filter({ hasText: 'Project billing is paused' })
  await told.getByText(/by API_KEY: the bank is closed/).waitFor()
  await page.getByRole('button', { name: 'Resume billing' }).click()
  await told.waitFor({ state: 'detached' })

  await page.getByRole('button', { name: 'Remove billing' }).click()
  await page.getByRole('button', { name: 'Remove the project' }).click()
  await page.getByRole('alert').getByText('PROJECT_IN_USE').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Remove short-lived' }).click()
  await page.getByRole('button', { name: 'Remove the project' }).click()
  await page.getByText('2 places in each process').waitFor({ state: 'detached' })

  await page.getByRole('button', { name: 'Pause everything' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Pause everything' }).click()
  await page.getByText('Everything is paused').waitFor()
  await page.getByRole('button', { name: 'Resume everything' }).click()
  await page.getByText('Everything is paused').waitFor({ state: 'detached' })
  await context.close()
})

test('a key of one project has no choice, sees its pause, and nothing that would be refused', async () => {
  const asked = { name: 'biller', scopes: ['admin'], project: 'billing' }
  const { secret } = (await service.api('POST', '/api/keys', asked)).body
  await service.api('POST', '/api/projects/billing/pause', { reason: 'the bank is closed' })
  const { page, context } = await reader.open('/jobs', { key: secret })
  await page.getByRole('link', { name: 'invoices' }).waitFor()
  await page.getByText(/by API_KEY: the bank is closed/).waitFor()
  assert.equal(await page.getByText('of default').count(), 0)
  assert.equal(await page.getByLabel('Project').count(), 0)
  await page.getByRole('link', { name: 'Projects', exact: true }).first().click()
  await page.getByRole('button', { name: 'Resume billing' }).waitFor()
  const buttons = await page.getByRole('main').getByRole('button').allTextContents()
  assert.deepEqual(buttons, ['Resume'])
  await page.goto('/secrets')
  await page.getByText('BANK_TOKEN').waitFor()
  assert.equal(await page.getByRole('button', { name: 'Seal again' }).count(), 0)
  await service.api('POST', '/api/projects/billing/resume')
  await context.close()
})

test('a key is made for a project, or for all', async () => {
  const { page, context } = await reader.open('/keys')
  for (const [name, project] of [
    ['for billing', 'billing'],
    ['for all', '*'],
  ] as const) {
    await page.getByRole('button', { name: 'New key' }).click()
    const form = page.getByRole('dialog', { name: 'A new key' })
    await form.getByRole('textbox', { name: 'Name' }).fill(name)
    await form.getByLabel('Project').selectOption(project)
    await form.getByRole('button', { name: 'Make the key' }).click()
    await page.getByRole('dialog', { name: 'The new key' }).getByRole('button', { name: 'Close' }).click()
  }
  const keys = (await service.api('GET', '/api/keys')).body.keys as { name: string; project: string }[]
  const made = Object.fromEntries(keys.map((one) => [one.name, one.project]))
  assert.deepEqual([made['for billing'], made['for all']], ['billing', '*'])
  await page.getByRole('listitem').filter({ hasText: 'for all' }).getByText('all projects').waitFor()
  await context.close()
})

for (const theme of ['light', 'dark'])
  test(`the projects have no violation, ${theme}, and fit a phone`, async () => {
    const { page, context } = await reader.open('/projects', { dark: theme === 'dark' })
    await page.getByText('2 of 200 jobs').waitFor()
    assert.deepEqual(await violations(page), [])
    await shrinkToPhone(page)
    assert.deepEqual(await violations(page), [])
    await context.close()
  })
