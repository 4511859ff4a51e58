import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { phone, startReader, violations, widerBy } from '../support/browser.ts'
import { apiKey, startService } from '../support/service.ts'
import { until } from '../support/until.ts'

const service = await startService({ env: { IDLE_EXIT_MS: '30000' } })
const reader = await startReader(service)
after(async () => {
  await reader.close()
  await service.close()
})
const job = await service.makeJob({ name: 'the backup' })

/** What a browser says when a page asks who is signed in, and no one is. */
const unauthorized = /401/

test('a key signs in, opens what was asked for, and stays nowhere in the page; signing out ends it', async () => {
  const { page, context, complaints } = await reader.open(`/jobs/${job.id}?day=2026-01-01`, { key: null })
  await page.getByLabel('API key').fill('no-such-key-0123456789')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('This key opens nothing').waitFor()

  await page.getByLabel('API key').fill(apiKey)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: 'the backup' }).waitFor()
  assert.match(page.url(), /\?day=2026-01-01$/)
  const kept = await page.evaluate<string>('JSON.stringify([document.cookie, localStorage, sessionStorage])')
  assert.ok(!kept.includes(apiKey) && !(await page.content()).includes(apiKey))
  const [cookie] = await context.cookies()
  assert.deepEqual([cookie?.httpOnly, cookie?.sameSite], [true, 'Strict'])

  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('API key').waitFor()
  assert.equal((await context.request.get('/api/session')).status(), 401)
  assert.deepEqual(
    complaints.filter((one) => !unauthorized.test(one)),
    [],
  )
  await context.close()
})

test('a key that may only read sees no button that would be refused', async () => {
  const { body } = await service.api('POST', '/api/keys', { name: 'a reader', scopes: ['jobs:read'] })
  const { page, context } = await reader.open(`/jobs/${job.id}`, { key: body.secret ?? body.key })
  await page.getByRole('heading', { level: 1, name: 'the backup' }).waitFor()
  await page.getByText('The timer service (chronos) holds').waitFor()
  const buttons = await page.getByRole('main').getByRole('button').allTextContents()
  assert.deepEqual(
    buttons.filter((one) => /Run|Pause|Edit|Duplicate|Delete/.test(one)),
    [],
  )
  assert.equal(await page.getByRole('link', { name: 'Secrets' }).count(), 0)
  await context.close()
})

test('keys alone lead everywhere: ? shows them, / searches, j and Enter open a job', async () => {
  const { page, context } = await reader.open('/')
  await page.getByRole('heading', { level: 1, name: 'Now' }).waitFor()
  await page.keyboard.press('?')
  const keys = page.getByRole('dialog', { name: 'Keys' })
  await keys.waitFor()
  await page.keyboard.press('Escape')
  await keys.waitFor({ state: 'detached' })

  await page.keyboard.press('/')
  await until('the search has the focus', () =>
    page.evaluate<boolean>(`document.activeElement.matches('[data-search]')`),
  )
  await page.keyboard.type('backup')
  await page.waitForURL(/\/jobs\?q=backup$/)
  await page.getByRole('link', { name: 'the backup' }).waitFor()
  await page.keyboard.press('Escape')
  await page.keyboard.press('j')
  await page.keyboard.press('Enter')
  await page.waitForURL(`**/jobs/${job.id}`)
  await page.keyboard.press('g')
  await page.keyboard.press('j')
  await page.waitForURL('**/jobs')
  await context.close()
})

test('what a view shows is asked for once as it is opened, and again after five seconds', async () => {
  const asked: string[] = []
  const { page, context } = await reader.open('/', {
    async prepare(it) {
      it.on('request', (request) => {
        const { pathname, search } = new URL(request.url())
        if (pathname.startsWith('/api/')) asked.push(pathname + search)
      })
      // its clock stands still, however long the machine takes to draw
      await it.clock.install({ time: new Date('2026-11-26T10:00:00Z') })
      await it.clock.pauseAt(new Date('2026-11-26T10:00:01Z'))
    },
  })
  await page.locator('.health').waitFor()
  await page.waitForLoadState('networkidle')
  await page.clock.runFor(4_000)
  await page.waitForLoadState('networkidle')
  assert.deepEqual(asked.toSorted(), [...new Set(asked)].toSorted())
  const news = page.waitForRequest(/\/api\/status/)
  await page.clock.runFor(2_000)
  await news
  await context.close()
})

test('after five minutes without a move the page asks nothing more, until it is pressed', async () => {
  const { page, context } = await reader.open('/', { prepare: (it) => it.clock.install() })
  let calls = 0
  page.on('request', () => calls++)
  await page.getByText('Every job is held').waitFor()
  await page.clock.runFor(4 * 60_000)
  assert.ok(calls > 4, `${calls} calls in four minutes`)
  await page.clock.runFor(70_000)
  await page.getByText('Paused, press to go on').waitFor()
  calls = 0
  await page.mouse.move(200, 200)
  await page.clock.runFor(60_000)
  await page.clock.fastForward(10 * 60_000)
  assert.equal(calls, 0)

  await page.getByRole('button', { name: 'Go on' }).click()
  await until('it asks again', () => calls > 0)
  assert.equal(await page.getByText('Paused, press').count(), 0)
  await context.close()
})

test('a pause of everything stands above all else, with who and why', async () => {
  await service.api('POST', '/api/projects/*/pause', { reason: 'moving house' })
  const { page, context } = await reader.open('/')
  const told = page.getByRole('status').filter({ hasText: 'Everything is paused' })
  await told.getByText(/No run begins since .*, by API_KEY: moving house/).waitFor()
  assert.deepEqual(await violations(page), [])
  await service.api('POST', '/api/projects/*/resume')
  await page.reload()
  await page.getByText('Every job is held').waitFor()
  assert.equal(await told.count(), 0)
  await context.close()
})

test('a machine that went to sleep is shown as it was known, and woken only when asked', async () => {
  const { page, context } = await reader.open('/', { prepare: (it) => it.clock.install() })
  let calls = 0
  const pending = new Set<unknown>()
  page.on('request', (one) => {
    calls++
    pending.add(one)
  })
  page.on('requestfinished', (one) => pending.delete(one))
  page.on('requestfailed', (one) => pending.delete(one))
  await page.getByText('Every job is held').waitFor()
  // the service says that it goes down, as it does when nothing holds it
  const endsAt = performance.now() + 20_000
  service.app.stay.plan(() => endsAt)
  await page.clock.runFor(6_000)
  await page.getByText(/the machine goes down in \d+ s/).waitFor()
  // an answer that is on its way says that the machine is awake
  await until('all is answered', () => pending.size === 0)
  await page.clock.fastForward(40_000)
  await page.getByText(/The machine went to sleep at/).waitFor()
  calls = 0
  await page.mouse.move(200, 200)
  await page.clock.runFor(10_000)
  assert.ok(await page.getByText('Every job is held').isVisible())
  await page.getByRole('link', { name: 'Jobs', exact: true }).click()
  await page.getByText('The machine is asleep').waitFor()
  assert.equal(calls, 0)

  service.app.stay.plan(() => null)
  await page.getByRole('button', { name: 'Wake it' }).click()
  await page.getByRole('link', { name: 'the backup' }).waitFor()
  assert.ok(calls > 0)
  await context.close()
})

for (const theme of ['light', 'dark'])
  test(`signing in and the window of keys have no violation, ${theme}, and fit a phone`, async () => {
    const { page, context } = await reader.open('/', { key: null, dark: theme === 'dark', size: phone })
    await page.getByLabel('API key').waitFor()
    assert.deepEqual(await violations(page), [])
    assert.equal(await widerBy(page), 0)
    await page.getByLabel('API key').fill(apiKey)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Now' }).waitFor()
    await page.getByRole('button', { name: 'Menu' }).click()
    assert.deepEqual(await violations(page), [])
    await page.keyboard.press('?')
    await page.getByRole('dialog').waitFor()
    assert.deepEqual(await violations(page), [])
    await context.close()
  })
