import { groups } from './clauses/index.ts'
import { help, OptionError, readOptions } from './options.ts'
import { type Result, tryClauses } from './run.ts'
import { prepare } from './setting.ts'
import { failures, table, untried } from './table.ts'

/** `npm run conformance`: docs/contract.md, clause by clause, against real processes. */
async function main(args: string[]): Promise<number> {
  const options = readOptions(args)
  if (options === null) {
    console.log(help)
    return 0
  }
  const startedAt = performance.now()
  const { setting, close } = await prepare(options)
  for (const [signal, status] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const])
    process.once(signal, () => void close().finally(() => process.exit(status)))
  try {
    const onResult = options.verbose ? say : undefined
    const results = await tryClauses(groups, { ...setting, ...(onResult && { onResult }) })
    if (results.length === 0)
      throw new OptionError('--only is neither a group nor a part of the name of a clause.')
    console.log(table(groups, results))
    for (const line of untried(results)) console.log(`\n${line}`)
    const wrong = failures(results)
    if (wrong.length > 0) console.log(`\n${wrong.join('\n')}`)
    console.log(
      `\n${summary(results)} in ${Math.round((performance.now() - startedAt) / 1000)} s, --seed ${options.seed}`,
    )
    return wrong.length === 0 ? 0 : 1
  } finally {
    await close()
  }
}

function say(result: Result): void {
  const mark = 'untried' in result ? '–' : result.tries.failures.length > 0 ? '✖' : '✔'
  console.log(`${mark} ${result.clause} (${result.side}, ${Math.round(result.ms)} ms)`)
}

function summary(results: Result[]): string {
  const tried = results.filter((it) => 'tries' in it)
  const held = tried.filter((it) => it.tries.failures.length === 0)
  return `${held.length} of ${tried.length} checks held`
}

function sayWhy(error: unknown): number {
  if (!(error instanceof OptionError)) throw error
  console.error(`${error.message}\nnpm run conformance -- --help`)
  return 2
}

process.exit(await main(process.argv.slice(2)).catch(sayWhy))
