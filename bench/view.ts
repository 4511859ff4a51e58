import type { Page } from 'playwright-core'
import { type Reader, startReader } from '../test/support/browser.ts'
import { median, percentile, reach, show, table } from './numbers.ts'
import { start } from './process.ts'
import { jobId, seedJobs } from './seed.ts'
import { apiKey, type Database, type World } from './world.ts'

const jobs = 100_000
const logBytes = 1024 * 1024
const looks = 7
const frames = 120

/** The page in Chromium: its first view, a table of 100,000 jobs, and a log of a megabyte, at rest and while it grows. */
export async function view({ database, programs }: World): Promise<string> {
  const place = await database()
  await seedJobs(place.sql, { count: jobs, next: 86_400 })
  const runId = await seedLog(place)
  const env = { DATABASE_URL: place.url, API_KEY: apiKey, RATE_LIMIT_PER_MINUTE: '0' }
  const service = await start({ program: programs.server, env })
  const reader = await startReader(service)
  try {
    return [
      await firstView(reader),
      await jobsTable(reader),
      await longLog(reader, `/runs/${runId}`),
      await liveLog(reader, place),
      'A frame is late if it takes longer than 50 ms; on this machine Chromium draws without a graphics card, and the service, PostgreSQL and the browser share its cores.',
    ].join('\n\n')
  } finally {
    await reader.close()
    await service.stop()
    await place.drop()
  }
}

const line = 'a line of a log, as long as many are, with a number at its end: '
const logText = Array.from({ length: Math.ceil(logBytes / (line.length + 6)) }, (_, n) => line + n).join('\n')

async function seedLog({ sql }: Database): Promise<string> {
  const [run] = await sql<{ id: string }[]>`
    insert into runs (id, job_id, trigger, state, fence, attempt, started_at, finished_at)
    values (gen_random_uuid(), ${jobId(1)}, 'manual', 'succeeded', 0, 1, now(), now()) returning id`
  const id = run?.id ?? ''
  await sql`
    insert into attempt_logs (run_id, attempt, job_id, head, total)
    values (${id}, 1, ${jobId(1)}, ${Buffer.from(logText)}, ${Buffer.byteLength(logText)})`
  return id
}

/** Opens a page as a new reader; gives the milliseconds until `selector` was there, from the first byte of the answer on. */
async function open(reader: Reader, path: string, selector: string) {
  const opened = await reader.open(path, { key: apiKey, prepare: (page) => watchFor(page, selector) })
  const ms = await opened.page.evaluate<number>(
    `seen.then((at) => at - performance.getEntriesByType('navigation')[0].responseStart)`,
  )
  return { ...opened, ms }
}

async function watchFor(page: Page, selector: string): Promise<void> {
  const content = `globalThis.seen = new Promise((done) => {
    const watch = new MutationObserver(() => {
      if (!document.querySelector('${selector}')) return
      watch.disconnect()
      requestAnimationFrame(() => done(performance.now()))
    })
    watch.observe(document, { childList: true, subtree: true })
  })`
  await page.addInitScript({ content })
}

const bytesSent = (page: Page) =>
  page.evaluate<number>(
    'performance.getEntries().reduce((sum, { transferSize = 0 }) => sum + transferSize, 0)',
  )
/**
 * What was asked for until the state of the service was drawn, `ms` after the first byte, each address once: on a busy machine the page
 * may ask for news before the network rests.
 */
const bytesOfView = (page: Page, ms: number) =>
  page.evaluate<number>(`(() => {
    const entries = performance.getEntries().filter(({ transferSize }) => transferSize !== undefined)
    const until = performance.getEntriesByType('navigation')[0].responseStart + ${ms}
    const first = new Map(entries.toReversed().map((one) => [one.name, one]))
    return [...first.values()].filter(({ startTime }) => startTime <= until)
      .reduce((sum, { transferSize }) => sum + transferSize, 0)
  })()`)
const nodesIn = (page: Page) => page.evaluate<number>("document.getElementsByTagName('*').length")

/** From the first byte of the answer until something is painted. */
const firstPaint = `performance.getEntriesByName('first-contentful-paint')[0].startTime
  - performance.getEntriesByType('navigation')[0].responseStart`

async function firstView(reader: Reader): Promise<string> {
  const painted: number[] = []
  const drawn: number[] = []
  let bytes = 0
  for (let n = 0; n < looks; n++) {
    const { page, context, ms } = await open(reader, '/', '.health')
    await page.waitForLoadState('networkidle')
    painted.push(await page.evaluate<number>(firstPaint))
    drawn.push(ms)
    bytes = await bytesOfView(page, ms)
    await context.close()
  }
  const kb = bytes / 1024
  return table(
    ['first view, with an empty cache', 'measured', 'aim'],
    [
      [
        'until its frame is painted (ms, median)',
        show(median(painted)),
        reach(median(painted), { most: 300 }),
      ],
      [
        'until the state of the service is drawn (ms, median)',
        show(median(drawn)),
        reach(median(drawn), { most: 300 }),
      ],
      ['everything that is sent for it (KB)', show(kb), reach(kb, { most: 100 })],
    ],
  )
}

async function jobsTable(reader: Reader): Promise<string> {
  const { page, context, ms } = await open(reader, '/jobs', '.row.opens')
  await page.waitForLoadState('networkidle')
  const atFirst = { bytes: await bytesSent(page), nodes: await nodesIn(page) }
  const scrolled = await framesWhile(page, 'scrollBy(0, 240)')
  const { nodes, bytes } = { nodes: await nodesIn(page), bytes: await bytesSent(page) }
  await page.evaluate('scrollTo(0, 0)')
  const search = page.getByRole('searchbox').first()
  await search.pressSequentially('bench 9999', { delay: 40 })
  const typedMs = await msUntil(page, 'document.querySelectorAll(".row.opens").length === 11')
  await search.fill('')
  await msUntil(page, 'document.querySelectorAll(".row.opens").length > 11')
  const sortedFrom = await bytesSent(page)
  const newest = await page.locator('.row.opens a').first().textContent()
  await page.getByRole('button', { name: 'Job', exact: true }).click()
  const sortedMs = await msUntil(
    page,
    `document.querySelector(".row.opens a") && document.querySelector(".row.opens a").textContent !== ${JSON.stringify(newest)}`,
  )
  await page.waitForLoadState('networkidle')
  const sortedKb = ((await bytesSent(page)) - sortedFrom) / 1024
  await context.close()
  return table(
    [`a table of ${jobs.toLocaleString('en-US')} jobs`, 'measured'],
    [
      ['until the first rows (ms)', show(ms)],
      ['sent until then (KB)', show(atFirst.bytes / 1024)],
      ['elements in the page, at first and after scrolling', `${show(atFirst.nodes)}, ${show(nodes)}`],
      ['frames while scrolling (ms, median, p95, longest)', scrolled],
      ['sent while scrolling (KB)', show((bytes - atFirst.bytes) / 1024)],
      ['from the last letter of a search to its 11 jobs (ms)', show(typedMs)],
      ['a press on a column until all are sorted (ms)', show(sortedMs)],
      ['read for that, with the strips (KB)', show(sortedKb)],
    ],
  )
}

async function longLog(reader: Reader, path: string): Promise<string> {
  const { page, context, ms } = await open(reader, path, '.log .line')
  await page.waitForLoadState('networkidle')
  const wholeMs = await msUntil(page, 'document.querySelector(".log").scrollHeight > 200000')
  const nodes = await nodesIn(page)
  const scrolled = await framesWhile(page, 'document.querySelector(".log").scrollBy(0, -300)')
  await page.getByRole('searchbox', { name: 'Search the log' }).fill('its end: 777')
  const searchMs = await msUntil(page, 'document.querySelector(".log .current")')
  const steps = await framesWhile(page, 'document.querySelector("[aria-label=\\"Next match\\"]").click()')
  await context.close()
  return table(
    ['a run with a megabyte of log', 'measured'],
    [
      ['until its first lines (ms)', show(ms)],
      ['from then until all of it (ms)', show(wholeMs)],
      ['elements in the page', show(nodes)],
      ['frames while scrolling (ms, median, p95, longest)', scrolled],
      ['a search until its first match is in view (ms)', show(searchMs)],
      ['frames while stepping from match to match', steps],
    ],
  )
}

const pieces = 40
const pieceEveryMs = 200

/** A run that is at work elsewhere writes a megabyte in eight seconds, and a reader follows it. */
async function liveLog(reader: Reader, { sql }: Database): Promise<string> {
  const [run] = await sql<{ id: string }[]>`
    insert into runs (id, job_id, trigger, state, fence, attempt, claimed_at, started_at, owner, lease_until)
    values (gen_random_uuid(), ${jobId(2)}, 'manual', 'running', 1, 1, now(), now(), 'another machine', now() + interval '1 hour')
    returning id`
  const id = run?.id ?? ''
  const write = (share: number) => {
    const written = Buffer.from(logText.slice(0, Math.ceil(logText.length * share)))
    return sql`
      insert into attempt_logs (run_id, attempt, job_id, head, total)
      values (${id}, 1, ${jobId(2)}, ${written}, ${written.length})
      on conflict (run_id, attempt) do update set head = excluded.head, total = excluded.total`
  }
  await write(1 / pieces)
  const { page, context } = await open(reader, `/runs/${id}`, '.log .line')
  const client = await context.newCDPSession(page)
  await client.send('Performance.enable')
  const busyMs = async () => {
    const { metrics } = await client.send('Performance.getMetrics')
    return 1_000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0)
  }
  const lines = logText.split('\n').length
  const isWhole = `document.querySelector('.log-body').offsetHeight >= ${lines} * 20`
  const shifts = `globalThis.shifted = 0
    new PerformanceObserver((list) => { for (const one of list.getEntries()) shifted += one.value })
      .observe({ type: 'layout-shift' })`
  await page.evaluate(shifts)
  const busyBefore = await busyMs()
  const followed = framesUntil(page, isWhole)
  for (let n = 2; n <= pieces; n++) {
    await Promise.all([write(n / pieces), new Promise((done) => setTimeout(done, pieceEveryMs))])
  }
  const writtenAt = performance.now()
  const times = await followed
  const behindMs = performance.now() - writtenAt
  const busy = (await busyMs()) - busyBefore
  await sql`update runs set state = 'succeeded', finished_at = now(), lease_until = null, owner = null where id = ${id}`
  await page.getByText('succeeded').first().waitFor()
  const shifted = await page.evaluate<number>('shifted')
  await context.close()
  return table(
    ['a megabyte of log while it is written, in eight seconds', 'measured'],
    [
      ['frames meanwhile (ms, median, p95, longest)', said(times)],
      ['the page at work meanwhile (ms)', show(busy)],
      ['behind the last write (ms; the service looks every 500)', show(behindMs)],
      ['layout shift until its end is shown (a score; 0.1 is called good)', show(shifted)],
    ],
  )
}

/** Milliseconds until an expression holds in the page, looked at with each frame. */
async function msUntil(page: Page, holds: string): Promise<number> {
  const startedAt = performance.now()
  await page.evaluate(
    `new Promise((done) => {
      const look = () => ((${holds}) ? done() : requestAnimationFrame(look))
      look()
    })`,
  )
  return performance.now() - startedAt
}

/** How long frames take while something is done before each of them. */
async function framesWhile(page: Page, step: string): Promise<string> {
  const times = await page.evaluate<number[]>(`new Promise((done) => {
    const times = []
    let last = performance.now()
    const frame = () => {
      const now = performance.now()
      times.push(now - last)
      last = now
      if (times.length > ${frames}) return done(times.slice(1))
      ${step}
      requestAnimationFrame(frame)
    }
    requestAnimationFrame(frame)
  })`)
  return said(times)
}

/** How long frames take until an expression holds. */
function framesUntil(page: Page, holds: string): Promise<number[]> {
  return page.evaluate<number[]>(`new Promise((done) => {
    const times = []
    let last = performance.now()
    const frame = () => {
      const now = performance.now()
      times.push(now - last)
      last = now
      if (${holds}) return done(times.slice(1))
      requestAnimationFrame(frame)
    }
    requestAnimationFrame(frame)
  })`)
}

function said(times: number[]): string {
  const late = times.filter((ms) => ms > 50).length
  return `${show(median(times))}, ${show(percentile(times, 0.95))}, ${show(Math.max(...times))}; ${late} of ${times.length} late`
}
