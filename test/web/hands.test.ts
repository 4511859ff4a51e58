import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Page } from 'playwright-core'
import { tellStory } from '../../dev/pictures/story.ts'
import { startReader } from '../support/browser.ts'
import { commandsOn } from '../support/command-users.ts'
import { keyOf } from '../support/key.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'

const service = await startService({
  env: { ENCRYPTION_KEY: keyOf('hands').toString('base64'), ...commandsOn },
})
const reader = await startReader(service)
after(async () => {
  await reader.close()
  await service.close()
})
await service.api('PUT', '/api/channels/team', { type: 'webhook', url: 'https://example.com/hook' })
await service.api('PUT', '/api/secrets/TOKEN', { value: 'a long enough value' })
const told = await tellStory(service.api, service.database.sql, new Date())
const [live] = (await service.api('GET', '/api/runs?status=running')).body.runs as { id: string }[]

/** All that can be pressed or written into, numbered; but one of each group that the arrows move in. */
const numberControls = `(() => {
  const wanted = 'a[href], button:not(:disabled), input, select, textarea, summary, [tabindex="0"]'
  const seen = [...document.querySelectorAll(wanted)].filter((one) =>
    (one.tabIndex >= 0 || !one.closest('.table .body, .year')) && one.id !== 'main' &&
    one.checkVisibility({ visibilityProperty: true }))
  seen.forEach((one, index) => { one.dataset.control = index })
  return seen.map((one) => one.outerHTML.slice(0, 120))
})()`
/** Which of them has the focus, and whether that can be seen. */
const focused = `(() => {
  const one = document.activeElement
  const { outlineStyle } = getComputedStyle(one)
  const cell = one.querySelector('.cell')
  const isSeen = outlineStyle !== 'none' || (cell !== null && getComputedStyle(cell).strokeWidth === '2px')
  return { at: Number(one.dataset.control ?? -1), isSeen }
})()`

async function reachedByTab(page: Page): Promise<{ missed: string[]; unseen: string[] }> {
  const controls = await page.evaluate<string[]>(numberControls)
  const reached = new Set<number>()
  const unseen: string[] = []
  for (let n = 0; n < controls.length + 5; n++) {
    await page.keyboard.press('Tab')
    const { at, isSeen } = await page.evaluate<{ at: number; isSeen: boolean }>(focused)
    if (at >= 0 && !isSeen) unseen.push(controls[at] ?? '')
    reached.add(at)
  }
  return { missed: controls.filter((_, index) => !reached.has(index)), unseen }
}

const views = {
  '/': 'for 11 min',
  '/jobs': 'Shop export',
  [`/jobs/${told.get('Shop export')}`]: 'The last 3 runs were failures',
  [`/runs/${live?.id}`]: 'Nothing yet',
  '/make': 'at 02:00',
  '/cost': 'if it were always on',
  '/channels': 'team',
  '/secrets': 'TOKEN',
  '/keys': 'Only the key of the environment',
  '/audit': 'create job',
  '/projects': 'default',
}

for (const [path, text] of Object.entries(views))
  test(`the tab key reaches every control of ${path.replace(/\/[0-9a-f-]{12,}$/, '/{id}')}, and shows where it is`, async () => {
    // its clock stands still: what is read anew would be numbered anew
    const { page, context } = await reader.open(path, { prepare: (it) => it.clock.install() })
    await page.getByText(text).first().waitFor()
    // the log of a run at work is a call without an end
    if (!path.startsWith('/runs/')) await page.waitForLoadState('networkidle')
    await page.clock.pauseAt(Date.now() + 60_000)
    const { missed, unseen } = await reachedByTab(page)
    assert.deepEqual(missed, [])
    assert.deepEqual(unseen, [])
    await context.close()
  })

test('the first tab skips to the content; a window takes the focus, keeps it, and gives it back', async () => {
  const { page, context } = await reader.open(`/jobs/${told.get('Shop export')}`)
  const edit = page.getByRole('button', { name: 'Edit' })
  await edit.waitFor()
  await page.keyboard.press('Tab')
  const skip = page.getByRole('link', { name: 'Skip to the content' })
  assert.ok(await skip.evaluate((one) => one === one.ownerDocument.activeElement))
  await page.keyboard.press('Enter')
  await until('the content has the focus', () =>
    page.evaluate<boolean>(`document.activeElement.id === 'main'`),
  )
  await edit.focus()
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  for (let n = 0; n < 30; n++) {
    await page.keyboard.press('Tab')
    const isOutside = await page.evaluate<boolean>(
      `document.activeElement !== document.body && !document.activeElement.closest('dialog')`,
    )
    assert.equal(isOutside, false)
  }
  for (const leave of ['Escape', 'Cancel']) {
    if (leave === 'Escape') await page.keyboard.press(leave)
    else {
      await page.keyboard.press('Enter')
      await page.getByRole('button', { name: leave }).press('Enter')
    }
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    assert.ok(await edit.evaluate((one) => one === one.ownerDocument.activeElement), leave)
  }
  await context.close()
})

test('what moves stands still for readers who want it so', async () => {
  const { page, context } = await reader.open(`/runs/${live?.id}`)
  const moving = () =>
    page.evaluate<number>(
      `document.getAnimations().filter(({ playState }) => playState === 'running').length`,
    )
  await page.getByRole('region', { name: 'What happened' }).getByText('is at work').waitFor()
  assert.equal(await moving(), 0)
  await page.emulateMedia({ reducedMotion: 'no-preference' })
  await until('it breathes', async () => (await moving()) > 0)
  await context.close()
})

test('nothing moves under the eyes of who watches a run, from its first line to its failure', async () => {
  const script = 'for i in 1 2 3 4 5 6; do echo "step $i"; sleep 0.4; done; exit 3'
  const job = await service.makeJob({
    name: 'watched',
    action: { type: 'command', command: 'sh', args: ['-c', script] },
    retry: { attempts: 2, delay_ms: 1_000 },
  })
  const { run } = (await service.api('POST', `/api/jobs/${job.id}/run`, {})).body
  const { page, context } = await reader.open(`/runs/${run.id}`)
  await page.locator('.log').getByText('step 2').waitFor()
  await page.evaluate(`globalThis.moved = []
    const nameOf = (node) => node?.outerHTML?.slice(0, 200) ?? String(node?.nodeName)
    new PerformanceObserver((list) => {
      for (const { value, sources } of list.getEntries())
        moved.push({ value, what: sources.map(({ node, previousRect: from, currentRect: to }) =>
          nameOf(node) + ' from ' + from.y + ' to ' + to.y) })
    }).observe({ type: 'layout-shift' })`)
  await page.getByText('EXIT_CODE: why it failed').waitFor()
  await page.locator('.log').getByText('step 6').last().waitFor()
  // what may move is a word of the head, and what stands under the log; 0.1 is called good
  const moved = await page.evaluate<{ value: number; what: string[] }[]>('moved')
  assert.ok(moved.reduce((sum, { value }) => sum + value, 0) < 0.01, JSON.stringify(moved))
  await context.close()
})
