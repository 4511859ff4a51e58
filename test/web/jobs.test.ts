import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Page } from 'playwright-core'
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
await tellStory(service.api, service.database.sql, new Date())

const stateOf = async (name: string) => {
  const { body } = await service.api('GET', `/api/jobs?state=all&q=${encodeURIComponent(name)}`)
  return body.jobs[0]?.state
}

test('the table filters as one types, and each view is a link', async () => {
  const { page, context, complaints } = await reader.open('/jobs')
  await page.getByRole('link', { name: 'Shop export' }).waitFor()
  const names = () => page.locator('.body [role=row] a').allTextContents()
  assert.equal((await names()).length, 10)
  const shopExport = page.locator('[role=row]', { hasText: 'Shop export' })
  await shopExport.getByRole('img', { name: /failed/ }).waitFor()

  await page.getByRole('searchbox', { name: 'Search' }).pressSequentially('rates')
  await until('one is left', async () => (await names()).join() === 'Exchange rates')
  assert.match(page.url(), /q=rates/)
  await page.getByRole('searchbox', { name: 'Search' }).fill('')
  await page.getByRole('button', { name: 'Failing' }).click()
  await until('the failing one is left', async () => (await names()).join() === 'Shop export')
  await page.goto('/jobs?tag=billing&sort=name')
  await until('those with the tag, in order', async () => {
    return (await names()).join() === 'Exchange rates,Invoices to the bank,Shop export'
  })
  await page.getByRole('button', { name: 'Job', exact: true }).click()
  await until('the other way round', async () => {
    return (await names()).join() === 'Shop export,Invoices to the bank,Exchange rates'
  })
  assert.match(page.url(), /sort=-name/)
  await page.getByRole('button', { name: 'State' }).click()
  await until('what needs a look first', async () => (await names())[0] === 'Shop export')
  await page.goto('/jobs?q=no-such-job')
  await page.getByText('No job matches').waitFor()
  assert.deepEqual(complaints, [])
  await context.close()
})

test('jobs whose wake-up is not confirmed are found by their filter', async () => {
  const { sql } = service.database
  await sql`update job_runtime set armed_gen = wake_gen`
  await sql`
    update job_runtime set armed_gen = wake_gen - 1
    where job_id = (select id from jobs where name = 'Certificate check')`
  const { page, context } = await reader.open('/jobs')
  await page.getByRole('button', { name: 'Not armed' }).click()
  await page.waitForURL(/unarmed=true/)
  await until('it alone is left', async () => {
    return (await page.locator('.body [role=row] a').allTextContents()).join() === 'Certificate check'
  })
  await context.close()
})

test('jobs that tell no one are found by their filter, also those further down', async () => {
  const { sql } = service.database
  await sql`update jobs set deliver = '{"type": "slack", "url": "https://example.com/"}' where name <> 'Weekly report'`
  const { page, context } = await reader.open('/jobs')
  const asked = page.waitForRequest(/tells_nobody=true/)
  await page.getByRole('button', { name: 'Tells no one' }).click()
  await page.waitForURL(/silent=true/)
  await asked
  await until('it alone is left', async () => {
    return (await page.locator('.body [role=row] a').allTextContents()).join() === 'Weekly report'
  })
  await page.getByText('1 shown').waitFor()
  await sql`update jobs set deliver = null`
  await context.close()
})

/** The place of a column in a row, for `:nth-child`. */
async function columnOf(page: Page, title: string): Promise<number> {
  const titles = await page.locator('[role=columnheader]').allTextContents()
  return titles.findIndex((one) => one.startsWith(title)) + 1
}

test('jobs are in order of their success rate and of their duration, and those without one come last', async () => {
  const without = await service.makeJob({ name: 'has not run yet' })
  const { page, context, complaints } = await reader.open('/jobs')
  const names = () => page.locator('.body [role=row] a').allTextContents()
  await page.getByRole('link', { name: 'Shop export' }).waitFor()
  const column = await columnOf(page, 'Success')
  const rates = async () => {
    const texts = await page.locator(`.body [role=row] > :nth-child(${column})`).allTextContents()
    return texts.map((text) => (text.trim() === '–' ? Number.NaN : Number.parseFloat(text)))
  }
  /** Of eleven, the one without a rate last. */
  const isRising = (found: number[]) => {
    const [last = 0, ...others] = found.toReversed()
    const rising = others.toReversed()
    const [lowest = 0] = rising
    return (
      found.length === 11 &&
      Number.isNaN(last) &&
      rising.every((value, n) => value >= (rising[n - 1] ?? 0)) &&
      lowest < (rising.at(-1) ?? 0)
    )
  }
  await page.getByRole('button', { name: 'Success' }).click()
  await page.waitForURL(/sort=rate/)
  await until('the least successful come first', async () => isRising(await rates()))
  await page.getByText('11 shown').waitFor()
  assert.deepEqual(await violations(page), [])
  await page.getByRole('button', { name: 'Success' }).click()
  await page.waitForURL(/sort=-rate/)
  await until('the other way round', async () => {
    const found = await rates()
    return isRising([...found.slice(0, -1).toReversed(), found.at(-1) ?? 0])
  })
  await page.goto('/jobs?sort=-took')
  await until('the longest comes first', async () => {
    const [first, second, ...others] = await names()
    return first === 'Search index' && second === 'Database backup' && others.at(-1) === 'has not run yet'
  })
  assert.deepEqual(complaints, [])
  await service.api('DELETE', `/api/jobs/${without['id']}`)
  await context.close()
})

test('jobs that are chosen by keys are paused and resumed together, after their number was read', async () => {
  const { page, context } = await reader.open('/jobs?tag=nightly&sort=name')
  await page.getByRole('link', { name: 'Database backup' }).waitFor()
  await page.keyboard.press('j')
  await page.keyboard.press('x')
  await page.keyboard.press('j')
  await page.keyboard.press('x')
  await page.getByText('2 chosen').waitFor()
  await page.getByRole('button', { name: 'Pause' }).click()
  await page.getByRole('dialog', { name: 'Pause 2 jobs?' }).waitFor()
  assert.deepEqual(await violations(page), [])
  await page.getByRole('button', { name: 'Pause 2 jobs' }).click()
  await page.getByText('Pause: 2 of 2 done').waitFor()
  assert.deepEqual([await stateOf('backup'), await stateOf('uploads')], ['paused', 'paused'])

  await page.getByRole('checkbox', { name: 'Choose all that are shown' }).check()
  await page.getByRole('button', { name: 'Resume' }).click()
  await page.getByRole('button', { name: 'Resume 2 jobs' }).click()
  await page.getByText('Resume: 2 of 2 done').waitFor()
  assert.deepEqual([await stateOf('backup'), await stateOf('uploads')], ['scheduled', 'scheduled'])
  await context.close()
})

test('jobs are only deleted once their number is typed', async () => {
  const job = await service.makeJob({ name: 'to be deleted' })
  const { page, context } = await reader.open('/jobs?q=deleted')
  await page.getByRole('checkbox', { name: 'Choose', exact: true }).check()
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('button', { name: 'Delete 1 job' }).click()
  await page.getByText('Type 1 to confirm.').waitFor()
  assert.equal((await service.api('GET', `/api/jobs/${job.id}`)).status, 200)
  await page.getByLabel('Type 1 to confirm').fill('1')
  await page.getByRole('button', { name: 'Delete 1 job' }).click()
  await page.getByText('Delete: 1 of 1 done').waitFor()
  assert.equal((await service.api('GET', `/api/jobs/${job.id}`)).status, 404)
  await context.close()
})

test('of very many jobs only the rows in view are in the page, in order, and the end is reached by scrolling', async () => {
  const { sql } = service.database
  await sql`
    with made as (
      insert into jobs (id, name, schedule, timezone, anchor, action, tags)
      select lpad(to_hex(n), 12, '0'), 'one of many ' || n, schedule, timezone, anchor, action, '{many}'
      from jobs, generate_series(1, 1000) n where name = 'Certificate check'
      returning id
    )
    insert into job_runtime (job_id, state, next_slot, wake_at, armed_gen)
    select id, 'scheduled', now() + interval '1 hour', now() + interval '1 hour', 1 from made`
  const { page, context } = await reader.open('/jobs?tag=many')
  await page.getByRole('link', { name: 'one of many 1000', exact: true }).waitFor()
  const rows = () => page.locator('.body [role=row]').count()
  await page.getByRole('button', { name: 'Job', exact: true }).click()
  // all of them are in order, not only those that have been read
  await page.getByRole('link', { name: 'one of many 1', exact: true }).waitFor()
  await page.getByRole('button', { name: 'Job', exact: true }).click()
  await page.getByRole('link', { name: 'one of many 999', exact: true }).waitFor()
  await until('the end is there', async () => {
    await page.evaluate('scrollTo(0, document.body.scrollHeight)')
    return page.getByRole('link', { name: 'one of many 1', exact: true }).isVisible()
  })
  assert.ok((await rows()) < 60, `${await rows()} rows`)
  // by what only their strips know so many are compared, and the page says so
  await page.goto('/jobs?tag=many&sort=took')
  await page.getByText('500 newest compared').waitFor()
  await context.close()
})

for (const theme of ['light', 'dark'])
  test(`the table has no violation, ${theme}, and fits a phone`, async () => {
    const { page, context } = await reader.open('/jobs?tag=billing', { dark: theme === 'dark' })
    await page.getByRole('link', { name: 'Shop export' }).waitFor()
    assert.deepEqual(await violations(page), [])
    await shrinkToPhone(page)
    // the column of states has no room there: its sign stands before the name
    await page.getByRole('cell', { name: 'failing Shop export' }).locator('.sign-bad').waitFor()
    assert.deepEqual(await violations(page), [])
    await context.close()
  })
