import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { type Family, helpOf } from './family.ts'

export type Exposition = {
  contentType: string
  /** Prometheus' text format: these, and what Node and the system know of this process. */
  text(families: readonly Family[]): Promise<string>
}

/** Gauges whose names end as those of counters: Prometheus' rules forbid it. `nodejs_active_…` without it says the same. */
const misnamed = [
  'nodejs_active_resources_total',
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
]

/** Once in a process: what is known of Node begins to be measured here. */
export function createExposition(): Exposition {
  const ofNode = new Registry()
  collectDefaultMetrics({ register: ofNode })
  for (const name of misnamed) ofNode.removeSingleMetric(name)

  return {
    contentType: ofNode.contentType,
    async text(families) {
      const ours = new Registry()
      for (const family of families) register(ours, family)
      return `${await ours.metrics()}\n${await ofNode.metrics()}`
    },
  }
}

function register(registry: Registry, family: Family): void {
  if (family.type === 'histogram') return registerHistogram(registry, family)
  const { name, samples } = family
  const labelNames = [...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))]
  const wish = { name, help: helpOf(family), labelNames, registers: [registry] }
  if (family.type === 'gauge') {
    const gauge = new Gauge(wish)
    for (const { labels, value } of samples) gauge.set(labels, value)
  } else {
    const counter = new Counter(wish)
    for (const { labels, value } of samples) counter.inc(labels, value)
  }
}

/** The library only observes single values; ours are counted already. */
function registerHistogram(registry: Registry, family: Extract<Family, { type: 'histogram' }>): void {
  const { name, bounds, counts, sum } = family
  const help = helpOf(family)
  const histogram = new Histogram({ name, help, buckets: [...bounds], registers: [registry] })
  let total = 0
  const buckets = counts.map((count, at) => {
    total += count
    return { labels: { le: bounds[at] ?? '+Inf' }, value: total, metricName: `${name}_bucket` }
  })
  const values = [
    ...buckets,
    { labels: {}, value: sum, metricName: `${name}_sum` },
    { labels: {}, value: total, metricName: `${name}_count` },
  ]
  Object.assign(histogram, {
    getForPromString: async () => ({ name, help, type: 'histogram', values, aggregator: 'sum' }),
  })
}
