import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { readMetrics } from '../../dev/metrics/read.ts'
import { boardQueries, metricsIn, readAlerts } from '../../dev/monitoring/queries.ts'
import { anchorsOf, readPage, tableUnder } from '../docs/pages.ts'
import { type Service, startService } from '../support/service.ts'

let service: Service
let scraped: string
before(async () => {
  service = await startService()
  scraped = (await service.api('GET', '/metrics')).body
})
after(() => service.close())

test('every metric that the board or an alert reads is in a scrape', async () => {
  const known = readMetrics(scraped)
  const queries = [
    ...(await boardQueries()),
    ...(await readAlerts()).map(({ alert, expr }) => ({ from: alert, expr })),
  ]
  assert.ok(queries.length > 40)
  for (const { from, expr } of queries) {
    const names = metricsIn(expr)
    assert.ok(names.length > 0, `${from}: ${expr}`)
    for (const name of names) assert.ok(known.has(name), `${from} reads ${name}, which no scrape has`)
  }
})

test('what is about the service is read as one number, whatever number of machines is scraped', async () => {
  const queries = [...(await boardQueries()), ...(await readAlerts())]
  for (const { expr } of queries) {
    const isOfService = metricsIn(expr).some((name) => /^chronos_(?!process_)/.test(name))
    if (isOfService) assert.match(expr, /\bmax (?:by|\()|\bmax\(/, expr)
    assert.doesNotMatch(
      expr,
      /\bsum(?: by \([a-z, ]+\))? \(\s*(?:rate|increase)?\(?chronos_(?!process_)/,
      expr,
    )
  }
})

test('every alert says which section of the operations page to read, and it is there', async () => {
  const sections = new Set(anchorsOf(readPage('docs/operations.md')))
  for (const { alert, annotations } of await readAlerts()) {
    const [page, anchor = ''] = annotations.runbook.split('#')
    assert.equal(page, 'docs/operations.md', alert)
    assert.ok(sections.has(anchor), `${alert}: there is no section #${anchor}`)
    assert.ok(annotations.summary.length > 20, alert)
  }
})

test('the page has every metric of ours, with its type, its labels and what it is', () => {
  const families = [...readMetrics(scraped).values()].filter(({ name }) => name.startsWith('chronos_'))
  const page = readPage('docs/metrics.md')
  const rows = [...tableUnder(page, 'Of the service'), ...tableUnder(page, 'Of one process')]
  const labelsOf = (samples: { labels: Record<string, string> }[]) =>
    [...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))].filter((label) => label !== 'le')
  const expected = families.map(({ name, type, help, samples }) => [
    `\`${name}\``,
    type,
    labelsOf(samples)
      .map((label) => `\`${label}\``)
      .join(', ') || '–',
    help.slice(0, help.indexOf('. Of ')),
  ])
  const sorted = (cells: string[][]) => cells.map((row) => row.join(' | ')).toSorted()
  assert.deepEqual(sorted(rows), sorted(expected))
})
