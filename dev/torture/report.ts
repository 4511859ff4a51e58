import type { Row } from './sweep.ts'

const columns = [
  'scenario',
  'retries',
  'steps',
  'played',
  'deaths',
  'due',
  'ran',
  'again',
  'interrupted',
  'not to run',
  'missed',
  'extra',
  'late p50/max',
  'broken',
] as const

/** The table of a run, one line per scenario, with its sum. */
export function tableOf(rows: Row[]): string[] {
  return drawn([[...columns], ...rows.map(cellsOf), sumOf(rows)])
}

const toldColumns = {
  deliveries: 'deliveries',
  failed: 'failed',
  twice: 'arrived again',
  chained: 'chained runs',
  reported: 'reports taken',
  refused: 'refused (410)',
  timedOut: 'not reported',
} as const
const toldKeys = Object.keys(toldColumns) as (keyof typeof toldColumns)[]

/** What followed from the outcomes, of those scenarios where anything did; none: there is no such one. */
export function toldTableOf(rows: Row[]): string[] {
  const telling = rows.filter(({ told }) => toldKeys.some((key) => told[key] > 0))
  if (telling.length === 0) return []
  const cells = telling.map(({ scenario, retries, told, ...row }) => [
    scenario,
    retries ? 'on' : 'off',
    ...[row.repetitions, row.kills, ...toldKeys.map((key) => told[key]), row.failures.length].map(String),
  ])
  const total = (of: (row: Row) => number) => String(telling.reduce((sum, row) => sum + of(row), 0))
  const sums = [
    total((row) => row.repetitions),
    total((row) => row.kills),
    ...toldKeys.map((key) => total(({ told }) => told[key])),
    total((row) => row.failures.length),
  ]
  const head = ['scenario', 'retries', 'played', 'deaths', ...Object.values(toldColumns), 'broken']
  return drawn([head, ...cells, ['all', '', ...sums]])
}

function drawn(lines: string[][]): string[] {
  const widths = (lines[0] ?? []).map((_, at) => Math.max(...lines.map((cells) => cells[at]?.length ?? 0)))
  const lineOf = (cells: string[]) =>
    `| ${cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(' | ')} |`
  const [head = [], ...body] = lines
  const rule = `|${widths.map((width, at) => (at === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [lineOf(head), rule, ...body.map(lineOf)]
}

function cellsOf({ scenario, retries, steps, repetitions, kills, judged, failures }: Row): string[] {
  const interrupted =
    judged.interrupted === 0 ? '0' : `${judged.interrupted} (${judged.interruptedBefore} uncalled)`
  const counts = [judged.ran, judged.again, interrupted, judged.passed, judged.missed, judged.extra]
  return [
    scenario,
    retries ? 'on' : 'off',
    String(steps),
    String(repetitions),
    String(kills),
    String(judged.due),
    ...counts.map(String),
    lateness(judged.latenessMs),
    String(failures.length),
  ]
}

function sumOf(rows: Row[]): string[] {
  const sum = (of: (row: Row) => number) => String(rows.reduce((total, row) => total + of(row), 0))
  return [
    'all',
    '',
    '',
    sum((row) => row.repetitions),
    sum((row) => row.kills),
    sum((row) => row.judged.due),
    sum((row) => row.judged.ran),
    sum((row) => row.judged.again),
    `${sum((row) => row.judged.interrupted)} (${sum((row) => row.judged.interruptedBefore)} uncalled)`,
    sum((row) => row.judged.passed),
    sum((row) => row.judged.missed),
    sum((row) => row.judged.extra),
    '',
    sum((row) => row.failures.length),
  ]
}

function lateness(all: number[]): string {
  if (all.length === 0) return '-'
  const sorted = all.toSorted((a, b) => a - b)
  const seconds = (ms: number | undefined) => `${Math.round((ms ?? 0) / 100) / 10}s`
  return `${seconds(sorted[Math.floor(sorted.length / 2)])}/${seconds(sorted.at(-1))}`
}
