import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { receivers } from '../../src/delivery/senders/receivers.ts'
import { tellStory } from '../../dev/pictures/story.ts'
import { phone, startReader, violations, widerBy } from '../support/browser.ts'
import { keyOf } from '../support/key.ts'
import { startService } from '../support/service.ts'

const service = await startService({
  env: { ENCRYPTION_KEY: keyOf('lists').toString('base64'), TARGET_ALLOW: '127.0.0.1' },
})
const reader = await startReader(service)
after(async () => {
  await reader.close()
  await service.close()
})
await tellStory(service.api, service.database.sql, new Date())

test('a channel is made, tested and removed; the secret of a webhook is shown once', async () => {
  const { page, context, complaints } = await reader.open('/channels')
  await page.getByText('No one is told of anything yet').waitFor()
  await page.getByRole('button', { name: 'New channel' }).click()
  const form = page.getByRole('dialog', { name: 'A new channel' })
  await form.getByRole('textbox', { name: 'Name' }).fill('hook')
  await form.getByRole('combobox', { name: 'Type' }).selectOption('webhook')
  await form.getByRole('textbox', { name: 'URL' }).fill(`${service.target.url}/hook`)
  await form.getByRole('button', { name: 'Make the channel' }).click()
  const once = page.getByRole('dialog', { name: 'The secret of the webhook' })
  await once.getByText(/^whsec_/).waitFor()
  await once.getByRole('button', { name: 'Close' }).click()
  await page.getByRole('button', { name: 'Send a test to hook' }).click()
  await page.getByText('The test arrived').waitFor()
  assert.equal(await page.getByText('whsec_').count(), 0)
  await page.getByRole('button', { name: 'Remove hook' }).click()
  await page.getByRole('button', { name: 'Remove the channel' }).click()
  await page.getByText('No one is told of anything yet').waitFor()
  assert.deepEqual(complaints, [])
  await context.close()
})

test('the form of a channel has every field of every type of receiver, as the API describes them', async () => {
  const { components } = (await service.api('GET', '/openapi.json')).body
  const schemas = components.schemas as Record<string, Schema>
  const { page, context } = await reader.open('/channels')
  await page.getByRole('button', { name: 'New channel' }).click()
  const form = page.getByRole('dialog', { name: 'A new channel' })
  const types = form.getByRole('combobox', { name: 'Type' })
  for (const { $ref = '' } of schemas['ChannelInput']?.anyOf ?? []) {
    const { properties = {} } = schemas[$ref.split('/').at(-1) ?? ''] ?? {}
    await types.selectOption(properties['type']?.const ?? '')
    for (const field of Object.keys(properties).filter((name) => name !== 'type')) {
      const words = field === 'default_on' ? 'Told by default of' : field.replaceAll('_', ' ')
      await form.getByLabel(new RegExp(`^${words}\\b`, 'i')).waitFor()
    }
    assert.deepEqual(await violations(page), [], $ref)
  }
  assert.equal(await types.getByRole('option').count(), receivers.length)
  // a number, a list and a box are sent as such
  await types.selectOption('email')
  await form.getByRole('textbox', { name: 'Name' }).fill('post')
  await form.getByLabel('Host').fill('mail.example.com')
  await form.getByLabel('Port').fill('2525')
  await form.getByLabel(/^Secure/).check()
  await form.getByRole('textbox', { name: 'From' }).fill('cron@example.com')
  await form.getByLabel('To', { exact: true }).fill('a@example.com, b@example.com')
  await form.getByRole('button', { name: 'Make the channel' }).click()
  await page.getByText('port 2525').waitFor()
  await page.getByText('to a@example.com, b@example.com').waitFor()
  await service.api('DELETE', '/api/channels/post')
  await context.close()
})
type Schema = {
  $ref?: string
  const?: string
  anyOf?: { $ref: string }[]
  properties?: Record<string, Schema>
}

test('a secret is written and never shown; a wrong one is refused beside its field', async () => {
  const { page, context } = await reader.open('/secrets')
  await page.getByRole('button', { name: 'New secret' }).click()
  const form = page.getByRole('dialog', { name: 'A new secret' })
  await form.getByRole('textbox', { name: 'Name' }).fill('github_token')
  await form.getByLabel('Value').fill('short')
  await form.getByRole('button', { name: 'Store the secret' }).click()
  await form
    .locator('.field.wrong')
    .getByText(/value: must be/)
    .waitFor()
  await form.getByLabel('Value').fill('ghp_a_long_enough_value')
  await page.keyboard.press('Enter')
  await page.getByText('GITHUB_TOKEN').waitFor()
  await page.getByText(/version 1,/).waitFor()
  assert.ok(!(await page.content()).includes('ghp_a_long_enough_value'))
  await context.close()
})

test('a key is made, shown once, opens the page, and is revoked', async () => {
  const { page, context } = await reader.open('/keys')
  await page.getByRole('button', { name: 'New key' }).click()
  const form = page.getByRole('dialog', { name: 'A new key' })
  await form.getByRole('textbox', { name: 'Name' }).fill('Grafana')
  await form.getByRole('button', { name: 'Make the key' }).click()
  const once = page.getByRole('dialog', { name: 'The new key' })
  const secret = await once.getByText(/^chr_/).textContent()
  await once.getByRole('button', { name: 'Close' }).click()
  const other = await reader.open('/channels', { key: secret })
  await other.page.getByRole('heading', { level: 1, name: 'Channels' }).waitFor()
  // it may only read
  assert.equal(await other.page.getByRole('button', { name: 'New channel' }).count(), 0)
  assert.equal(await other.page.getByRole('link', { name: 'Secrets' }).count(), 0)
  await other.context.close()
  await page.getByRole('button', { name: 'Revoke Grafana' }).click()
  await page.getByRole('button', { name: 'Revoke the key' }).click()
  await page.getByText('revoked', { exact: false }).first().waitFor()
  await context.close()
})

test('the audit says who did what; its filters are in the address', async () => {
  const { page, context } = await reader.open('/audit?action=pauseJob')
  const changes = page.getByRole('table', { name: /^Changes/ })
  await changes.getByText('pause job').first().waitFor()
  assert.equal(await changes.getByText('create job').count(), 0)
  await changes.getByText('Newsletter').waitFor()
  await page.keyboard.press('j')
  await page.keyboard.press('Enter')
  const window = page.getByRole('dialog', { name: 'pause job' })
  await window.getByRole('heading', { name: 'Before and after' }).waitFor()
  await window.getByRole('link', { name: 'Newsletter' }).waitFor()
  await window.getByText('Until the new template is ready').waitFor()
  await window.getByRole('button', { name: 'All by this key' }).click()
  await page.waitForURL(/actor=API_KEY/)
  await context.close()
})

test('the cost stands beside that of a machine that is always on, at the price of the reader', async () => {
  // of a job that was deleted
  await service.database.sql`
    update service_days set runs_succeeded = runs_succeeded + 7, awake_ms = awake_ms + 7000
    where day = (select max(day) from service_days)`
  const { page, context, complaints } = await reader.open('/cost?price=1')
  await page.getByText('if it were always on').waitFor()
  const costs = (await service.api('GET', '/api/costs')).body
  const dollars = Math.round(costs.totals.always_on_ms / 3_600_000)
  // an hour may begin between the two answers
  await page
    .getByText(new RegExp(`US\\$(${dollars - 1}|${dollars})`))
    .first()
    .waitFor()
  await page.getByRole('img', { name: /^How long processes were up/ }).waitFor()
  await page.getByRole('table', { name: 'What each job has used' }).getByText('Search index').waitFor()
  await page.getByText('all others together: 7.0 s at work, 7 runs').waitFor()
  await page.getByRole('combobox', { name: 'Window' }).selectOption('7')
  await page.waitForURL(/days=7/)
  assert.deepEqual(complaints, [])
  await context.close()
})

test('the cost of one project has what is known of it, and says where the rest is', async () => {
  await service.api('PUT', '/api/projects/billing', {})
  await service.database.sql`update jobs set project = 'billing' where name = 'Exchange rates'`
  const made = await service.api('POST', '/api/keys', {
    name: 'of billing',
    scopes: ['jobs:read'],
    project: 'billing',
  })
  for (const [path, key] of [
    ['/cost?project=billing', undefined],
    ['/cost', made.body.secret as string],
  ] as const) {
    const { page, context, complaints } = await reader.open(path, key === undefined ? {} : { key })
    await page.getByText(/counted for the whole service/).waitFor()
    await page.getByRole('img', { name: /^How long runs were at work/ }).waitFor()
    const jobs = page.getByRole('table', { name: 'What each job has used' })
    await jobs.getByText('Exchange rates').waitFor()
    assert.equal(await jobs.getByText('Search index').count(), 0)
    assert.doesNotMatch(await page.locator('.figures').innerText(), /awake|always on|start|wake/)
    assert.equal(await page.getByRole('img', { name: /processes were up|^Starts/ }).count(), 0)
    assert.equal(await page.getByLabel(/^Price of the machine/).count(), 0)
    assert.deepEqual(await violations(page), [])
    assert.deepEqual(complaints, [])
    if (key === undefined) {
      await page.getByRole('button', { name: 'Look at all projects' }).click()
      await page.getByText('if it were always on').waitFor()
    }
    await context.close()
  }
  await service.database.sql`update jobs set project = 'default'`
})

test('the lists and the cost: both themes, and a phone', async () => {
  for (const path of ['/channels', '/secrets', '/keys', '/audit', '/cost']) {
    for (const dark of [false, true]) {
      const { page, context } = await reader.open(path, { dark })
      await page.getByRole('heading', { level: 2 }).first().waitFor()
      assert.deepEqual(await violations(page), [], `${path} ${dark ? 'dark' : 'light'}`)
      await context.close()
    }
    const { page, context } = await reader.open(path, { size: phone })
    await page.getByRole('heading', { level: 2 }).first().waitFor()
    assert.equal(await widerBy(page), 0, path)
    await context.close()
  }
})
