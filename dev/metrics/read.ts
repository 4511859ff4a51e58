/** One sample as it is written. `labels` in the order of the line. */
export type ReadSample = { name: string; labels: Record<string, string>; value: number }
export type ReadFamily = { name: string; type: string; help: string; samples: ReadSample[] }

const types = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped'])
const name = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const sampleLine = new RegExp(`^(${name})(?:\\{(.*)\\})? (\\S+)$`)
const labelAt = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y

/**
 * Reads Prometheus' text format (0.0.4), and takes nothing that its rules only tolerate: HELP, TYPE and samples of a metric
 * stand together and in this order, no sample is there twice, and the buckets of a histogram grow up to `+Inf`.
 *
 * @throws Error: names the line
 */
export function readMetrics(text: string): Map<string, ReadFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  const families = new Map<string, ReadFamily>()
  const seen = new Set<string>()
  let help: { name: string; text: string } | null = null
  let family: ReadFamily | null = null
  for (const line of text.split('\n')) {
    if (line === '') continue
    const [, kind, of = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (kind === 'HELP') help = { name: of, text: rest }
    else if (kind === 'TYPE') {
      if (help?.name !== of) throw new Error(`${line}: no HELP of ${of} stands before it`)
      if (!types.has(rest)) throw new Error(`${line}: no such type`)
      if (families.has(of)) throw new Error(`${line}: the second time`)
      family = { name: of, type: rest, help: help.text, samples: [] }
      families.set(of, family)
    } else {
      const sample = readSample(line)
      if (!family || !namesOf(family).includes(sample.name))
        throw new Error(`${line}: stands outside of its metric`)
      const key = `${sample.name} ${JSON.stringify(
        Object.entries(sample.labels)
          .map(String)
          .toSorted((a, b) => a.localeCompare(b)),
      )}`
      if (seen.has(key)) throw new Error(`${line}: the second time`)
      seen.add(key)
      family.samples.push(sample)
    }
  }
  for (const one of families.values()) if (one.type === 'histogram') checkBuckets(one)
  return families
}

function readSample(line: string): ReadSample {
  const [, of, labels = '', number = ''] = sampleLine.exec(line) ?? []
  if (!of) throw new Error(`${line}: no sample`)
  const value = number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number)
  // as Prometheus reads it, by Go's ParseFloat: prom-client writes `Nan` while no delay of the event loop is measured
  if (Number.isNaN(value) && !/^nan$/i.test(number)) throw new Error(`${line}: no number`)
  return { name: of, labels: readLabels(labels, line), value }
}

function readLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {}
  labelAt.lastIndex = 0
  while (labelAt.lastIndex < text.length) {
    const [, label = '', value = ''] = labelAt.exec(text) ?? []
    if (label === '' || label in labels) throw new Error(`${line}: its labels cannot be read`)
    labels[label] = value.replaceAll(/\\(["\\n])/g, (_, escaped: string) =>
      escaped === 'n' ? '\n' : escaped,
    )
  }
  return labels
}

function namesOf({ name: of, type }: ReadFamily): string[] {
  if (type === 'histogram') return [`${of}_bucket`, `${of}_sum`, `${of}_count`]
  return type === 'summary' ? [of, `${of}_sum`, `${of}_count`] : [of]
}

function checkBuckets({ name: of, samples }: ReadFamily) {
  const keyOf = (labels: Record<string, string>) =>
    JSON.stringify(Object.entries(labels).filter(([label]) => label !== 'le'))
  for (const [key, children] of Map.groupBy(samples, ({ labels }) => keyOf(labels))) {
    const buckets = children.filter(({ name: one }) => one === `${of}_bucket`)
    const bounds = buckets.map(({ labels }) => (labels['le'] === '+Inf' ? Infinity : Number(labels['le'])))
    const grows = (numbers: number[], least: number) =>
      numbers.every((number, at) => at === 0 || number - (numbers[at - 1] ?? 0) >= least)
    const total = children.find(({ name: one }) => one === `${of}_count`)?.value
    const last = buckets.at(-1)
    if (!grows(bounds, Number.MIN_VALUE) || bounds.at(-1) !== Infinity)
      throw new Error(`${of} ${key}: its bounds do not grow up to +Inf`)
    if (
      !grows(
        buckets.map(({ value }) => value),
        0,
      ) ||
      last?.value !== total
    )
      throw new Error(`${of} ${key}: its buckets do not grow up to its count`)
  }
}
