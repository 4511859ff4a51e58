// node dev/simulation/main.ts --seeds 1000 --from 1, or --seed N --trace
import { parseArgs } from 'node:util'
import { simulate } from './simulate.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    /** Goes on after a violation, and counts. */
    all: { type: 'boolean', default: false },
  },
})

const from = Number(values.seed ?? values.from)
const until = values.seed ? from : from + Number(values.seeds) - 1
const startedAt = performance.now()
const told = { deliveries: 0, toldTwice: 0, chained: 0, reported: 0, rowsLost: 0 }
const counts = ['steps', 'slots', 'ran', 'missed', 'skipped', 'extra'] as const
const totals = {
  seeds: 0,
  steps: 0,
  slots: 0,
  ran: 0,
  missed: 0,
  skipped: 0,
  extra: 0,
  ...told,
  violations: 0,
}
const byRule = new Map<string, number[]>()

for (let seed = from; seed <= until; seed++) {
  const outcome = await simulate(seed, values.trace ? (line) => process.stdout.write(`${line}\n`) : null)
  totals.seeds += 1
  for (const key of [...counts, ...(Object.keys(told) as (keyof typeof told)[])]) totals[key] += outcome[key]
  totals.violations += outcome.violations.length
  for (const rule of new Set(outcome.violations.map((one) => one.rule)))
    byRule.set(rule, [...(byRule.get(rule) ?? []), seed])
  if (outcome.violations.length === 0 || values.all) continue
  for (const { at, rule, jobId, message } of outcome.violations.slice(0, 5))
    print(`${at} ${rule} · ${jobId}: ${message}`)
  print(`replay: node dev/simulation/main.ts --seed ${seed} --trace`)
  process.exitCode = 1
  break
}

const minutes = (performance.now() - startedAt) / 60_000
print(
  `${Object.entries(totals)
    .map(([key, value]) => `${key} ${value}`)
    .join(' · ')} · seeds/min ${Math.round(totals.seeds / minutes)}`,
)
for (const [rule, seeds] of byRule)
  print(`${rule}: ${seeds.length} seeds, such as ${seeds.slice(0, 8).join(' ')}`)

function print(line: string) {
  process.stdout.write(`${line}\n`)
}
