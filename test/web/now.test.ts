import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { tellStory } from '../../dev/pictures/story.ts'
import { shrinkToPhone, startReader, violations } from '../support/browser.ts'
import { startService } from '../support/service.ts'

const service = await startService()
const reader = await startReader(service)
after(async () => {
  await reader.close()
  await service.close()
})

test('without a job the page teaches what would be there', async () => {
  const { page, context } = await reader.open('/')
  await page.getByText('Nothing is due in the next 24 hours').waitFor()
  await page.getByText('Nothing runs').waitFor()
  await page.getByText('Nothing failed').waitFor()
  await page.getByText('Every message has arrived').waitFor()
  assert.deepEqual(await violations(page), [])
  await context.close()
})

test('what is due, runs and failed is on one page, by cause, and news until it is seen', async () => {
  await tellStory(service.api, service.database.sql, new Date())
  const { page, context, complaints } = await reader.open('/')
  const lane = (name: string) => page.getByRole('listitem').filter({ hasText: name }).getByRole('img').first()
  assert.match(
    (await lane('Exchange rates').getAttribute('aria-label')) ?? '',
    /^4[78] slots, the next at (?:\w{3} )?\d\d:\d\d/,
  )
  assert.match((await lane('Search index').getAttribute('aria-label')) ?? '', /meet the one before/)
  const live = page.getByRole('region', { name: 'Running and waiting' })
  await live.getByText(/for 11 min/).waitFor()

  const failed = page.getByRole('region', { name: 'Failed since you last looked' })
  await failed.getByRole('link', { name: 'target https://example.com answered 500, expected 2xx' }).waitFor()
  await failed.getByRole('button', { name: 'Seen' }).click()
  await failed.getByText('Nothing failed').waitFor()
  await page.reload()
  await failed.getByText('Nothing failed').waitFor()
  assert.deepEqual(complaints, [])
  await context.close()
})

test('a delivery that failed is sent again', async () => {
  const { page, context } = await reader.open('/')
  const unsent = page.getByRole('region', { name: 'Deliveries that failed' })
  await unsent.getByText('channel_not_found').waitFor()
  await unsent.getByRole('button', { name: 'Send again' }).click()
  await unsent.getByText('Every message has arrived').waitFor()
  const { body } = await service.api('GET', '/api/deliveries?state=pending')
  assert.equal(body.deliveries.length, 1)
  await context.close()
})

test('a change of the clock in the window is marked in the lane of its zone', async () => {
  const spring = '2027-03-27T20:00:00Z'
  const { page, context } = await reader.open('/', {
    prepare: async (it) => {
      const url = `${service.url}/api/timeline?from=${spring}&limit=40`
      await it.route('**/api/timeline**', (route) => route.continue({ url }))
    },
  })
  const lane = page.getByRole('listitem').filter({ hasText: 'Database backup' })
  await lane
    .locator('title', { hasText: /The clock of Europe\/Berlin changes from/ })
    .waitFor({ state: 'attached' })
  await context.close()
})

for (const theme of ['light', 'dark'])
  test(`the page has no violation, ${theme}, and fits a phone`, async () => {
    const { page, context } = await reader.open('/', { dark: theme === 'dark' })
    await page.getByText('for 11 min').waitFor()
    assert.deepEqual(await violations(page), [])
    await shrinkToPhone(page)
    assert.deepEqual(await violations(page), [])
    await context.close()
  })
