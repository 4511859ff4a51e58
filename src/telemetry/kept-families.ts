import type { Family, Labels, Sample } from './family.ts'
import { bucketOf, keptCounters, keptHistograms, type KeptRow, sumOf } from './kept.ts'

/** The kept numbers as metrics. What was never counted is there with 0, so that the first one shows as an increase. */
export function keptFamilies(rows: readonly KeptRow[]): Family[] {
  const byName = Map.groupBy(rows, ({ name }) => name)
  const of = (name: string) => byName.get(name) ?? []
  const counters = Object.values(keptCounters).map(({ name, about, atLeast }): Family => {
    const counted = of(name).map(({ labels, value }) => ({ labels: JSON.parse(labels) as Labels, value }))
    return { type: 'counter', name, about, samples: withZeros(counted, atLeast) }
  })
  const histograms = Object.values(keptHistograms).map(({ name, about, bounds }): Family => {
    const sum = of(sumOf(name))[0]?.value ?? 0
    return { type: 'histogram', name, about, bounds, counts: countsOf(of(bucketOf(name)), bounds), sum }
  })
  return [...counters, ...histograms]
}

function withZeros(counted: Sample[], atLeast: readonly Labels[]): Sample[] {
  const isThere = (wanted: Labels) =>
    counted.some(({ labels }) => Object.entries(wanted).every(([label, value]) => labels[label] === value))
  const missing = atLeast.filter((labels) => !isThere(labels))
  return [...counted, ...missing.map((labels) => ({ labels, value: 0 }))]
}

/** A bound that an older version had counts in the bucket that it is in now. */
function countsOf(rows: readonly KeptRow[], bounds: readonly number[]): number[] {
  const counts = new Array<number>(bounds.length + 1).fill(0)
  for (const { labels, value } of rows) {
    const { le } = JSON.parse(labels) as { le: string }
    const at = le === '+Inf' ? -1 : bounds.findIndex((bound) => Number(le) <= bound)
    const bucket = at < 0 ? bounds.length : at
    counts[bucket] = (counts[bucket] ?? 0) + value
  }
  return counts
}
