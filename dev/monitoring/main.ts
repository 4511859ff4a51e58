import { setTimeout as delay } from 'node:timers/promises'
import { startNas } from '../nas/index.ts'
import { apiKey, type Service, startService } from '../../test/support/service.ts'
import { boardQueries, type Query, readAlerts } from './queries.ts'
import { isThere, type Prometheus, promtool, startPrometheus } from './prometheus.ts'

/**
 * What only the real programs can say: promtool about a scrape and the alert rules, and a Prometheus that has scraped a
 * running service about each query of the board. Exit status: 0, 1 if something is wrong, 2 without the programs.
 */
async function main(): Promise<number> {
  for (const program of ['promtool', 'prometheus'] as const) {
    if (isThere(program)) continue
    console.error(`${program} is not on the PATH: nothing was checked (Debian: apt-get install prometheus)`)
    return 2
  }
  const nas = await startNas({ time: 'wall' })
  const service = await startService({ nas })
  try {
    const prometheus = await startPrometheus(service.url, apiKey)
    try {
      // what happens once has to show as an increase
      while ((await prometheus.query('chronos_process_places')).length === 0) await delay(100)
      await makeJobs(service)
      const isFine = [await checkFiles(service), await checkQueries(service, prometheus)]
      return isFine.every(Boolean) ? 0 : 1
    } finally {
      await prometheus.close()
    }
  } finally {
    await service.close()
    await nas.close()
  }
}

async function makeJobs(service: Service) {
  const deliver = [{ type: 'healthcheck', url: `${service.target.url}/ping` }]
  for (let jobs = 0; jobs < 5; jobs++) await service.makeJob({ schedule: 'every 2s', deliver })
}

async function checkFiles({ api }: Service): Promise<boolean> {
  const scraped = (await api('GET', '/metrics')).body as string
  const checks = [
    ['check', 'metrics'],
    ['check', 'rules', 'monitoring/alerts.yml'],
    ['test', 'rules', 'monitoring/alerts.test.yml'],
  ]
  const results = checks.map((args) => {
    const { isFine, said } = promtool(args, scraped)
    console.log(
      `${isFine ? 'ok  ' : 'BAD '} promtool ${args.join(' ')}${said ? `\n     ${said.replaceAll('\n', '\n     ')}` : ''}`,
    )
    return isFine
  })
  return results.every(Boolean)
}

/** Twelve scrapes of a service that works, then each query: a panel has to have a number, an alert has to be quiet. */
async function checkQueries(service: Service, prometheus: Prometheus): Promise<boolean> {
  const scrapes = 12
  for (;;) {
    await service.target.waitFor(service.target.calls.length + 1, 30_000)
    const [seen = 0] = await prometheus.query('count_over_time(chronos_process_places[1h])')
    if (seen >= scrapes) break
  }
  const board = await Promise.all((await boardQueries()).map((query) => answered(query, prometheus)))
  for (const { from, expr, values } of board) {
    const shown = values.slice(0, 4).map((value) => Number(value.toPrecision(4)))
    console.log(`${values.length > 0 ? 'ok  ' : 'BAD '} ${from}: ${expr}\n     ${shown.join(' ')}`)
  }
  const firing = await Promise.all(
    (await readAlerts()).map(({ alert, expr }) => answered({ from: alert, expr }, prometheus)),
  )
  for (const { from, values } of firing)
    console.log(
      `${values.length === 0 ? 'ok  ' : 'BAD '} ${from} ${values.length === 0 ? 'is quiet' : 'fires'}`,
    )
  return board.every(({ values }) => values.length > 0) && firing.every(({ values }) => values.length === 0)
}

async function answered(query: Query, prometheus: Prometheus) {
  return { ...query, values: await prometheus.query(query.expr.replaceAll('$__rate_interval', '1m')) }
}

process.exitCode = await main()
