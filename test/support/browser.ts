import { existsSync, readFileSync } from 'node:fs'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { fileURLToPath } from 'node:url'
import { freshWeb } from '../../dev/build/web.ts'
import { webFolder } from '../../src/ground/web-folder.ts'
import { apiKey, type Service } from './service.ts'
import { until } from './until.ts'

/** A browser with the page of `service`; one for a whole file of tests. */
export type Reader = {
  browser: Browser
  /** A page of a new reader, at `path`, signed in with `key` (by default the service's own; null: not at all). */
  open(path: string, options?: OpenOptions): Promise<OpenedPage>
  close(): Promise<void>
}

export type OpenedPage = {
  page: Page
  context: BrowserContext
  /** What the browser has complained of: a script's error, something that the policy of the page forbids. */
  complaints: string[]
}

type OpenOptions = {
  key?: string | null
  dark?: boolean
  /** Default: 1280 by 800. */
  size?: { width: number; height: number }
  locale?: string
  timezone?: string
  /** Before the page is there: to set its clock. */
  prepare?: (page: Page) => Promise<void>
}

const program = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const offline = ['--disable-quic', '--no-first-run', '--disable-background-networking']
const args = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  ...offline,
  ...['--disable-component-update', '--disable-sync'],
]

/** Chromium of the system, and the page built from its sources if they have changed. */
export async function startReader(service: Pick<Service, 'url'>): Promise<Reader> {
  if (!existsSync(program))
    throw new Error(`No Chromium at ${program}. Install it (apt-get install chromium), or set CHROMIUM.`)
  await freshWeb(webFolder)
  const browser = await chromium.launch({ executablePath: program, args })
  return {
    browser,
    async open(path, options = {}) {
      const { key = apiKey, dark = false, size = { width: 1280, height: 800 } } = options
      const context = await browser.newContext({
        baseURL: service.url,
        viewport: size,
        colorScheme: dark ? 'dark' : 'light',
        locale: options.locale ?? 'en-GB',
        timezoneId: options.timezone ?? 'Europe/Berlin',
        reducedMotion: 'reduce',
      })
      const complaints: string[] = []
      if (key !== null) await signIn(context, key)
      const page = await context.newPage()
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
      })
      page.on('pageerror', (error) => complaints.push(String(error)))
      await options.prepare?.(page)
      await page.goto(path)
      return { page, context, complaints }
    },
    close: () => browser.close(),
  }
}

/** The cookie as the page gets it, without the form: what the form does is tested once. */
async function signIn(context: BrowserContext, key: string): Promise<void> {
  const answer = await context.request.post('/api/session', {
    data: { key },
    headers: { 'x-chronos-page': '1' },
  })
  if (answer.status() !== 201) throw new Error(`not signed in: ${answer.status()} ${await answer.text()}`)
}

const axe = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8')

/** What axe-core finds wrong with the page as it is, one line each; none is an empty list. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  const found = await page.evaluate<Violation[]>('axe.run().then(({ violations }) => violations)')
  return found.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`))
}
type Violation = { id: string; nodes: { html: string }[] }

/**
 * How many pixels the page is wider than its window: more than none is a scroll to the side, or (where that is cut off) a cell
 * or a control that cannot be seen.
 */
export const widerBy = (page: Page): Promise<number> =>
  page.evaluate<number>(`(() => {
    const { scrollWidth, clientWidth } = document.documentElement
    const cells = document.querySelectorAll('main :is([role=columnheader], [role=cell], button, input, select, textarea)')
    const ends = [...cells].filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect().right)
    return Math.max(0, ...[scrollWidth, ...ends].map((end) => Math.round(end - clientWidth)))
  })()`)

export const phone = { width: 360, height: 740 }

/** A window that becomes that of a phone: the page is drawn for it a moment later, and then nothing of it is outside. */
export async function shrinkToPhone(page: Page): Promise<void> {
  await page.setViewportSize(phone)
  await until('the page fits a phone', async () => (await widerBy(page)) === 0)
}
