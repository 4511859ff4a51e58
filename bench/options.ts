import { parseArgs } from 'node:util'

/** The order of docs/benchmarks.md. */
export const benchmarkNames = [
  ...(['cold', 'warm', 'peers', 'herd', 'growth', 'bill'] as const),
  ...(['lateness', 'day', 'processes', 'scale', 'page', 'apply'] as const),
] as const
export type BenchmarkName = (typeof benchmarkNames)[number]

/** How long `day` goes on for each of its cases, and of which it is; how many fires `processes` and `scale` measure. */
export type Options = { minutes: number; fires: number; only: string }

/** @throws Error: names what is expected */
export function readCommandLine(args: string[]): { names: BenchmarkName[]; options: Options } {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      minutes: { type: 'string', default: '10' },
      fires: { type: 'string', default: '4000' },
      only: { type: 'string', default: '' },
    },
  })
  const [minutes, fires] = [Number(values.minutes), Number(values.fires)]
  if (![minutes, fires].every((value) => Number.isInteger(value) && value >= 1))
    throw new Error(`--minutes ${values.minutes} --fires ${values.fires}: expected whole numbers from 1`)
  const isKnown = (name: string): name is BenchmarkName => benchmarkNames.some((known) => known === name)
  const unknown = positionals.filter((name) => !isKnown(name))
  if (unknown.length > 0) throw new Error(`${unknown.join(', ')}: expected ${benchmarkNames.join(', ')}`)
  return { names: positionals.filter(isKnown), options: { minutes, fires, only: values.only } }
}
