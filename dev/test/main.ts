import { finished } from 'node:stream/promises'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { fileURLToPath } from 'node:url'
import { startTestCluster } from '../../test/support/cluster.ts'
import { account, createTally } from './account.ts'
import { findTestFiles } from './find.ts'

/**
 * `npm test [-- file, folder or part of a path …]`: one PostgreSQL for the whole run, every test file in a process
 * of its own, node's own reporter. Exits 0 only if every file that was found ran at least one test, every test
 * passed, none was skipped, and no file kept its process alive.
 */
async function main(filters: string[]): Promise<number> {
  const files = await findTestFiles(filters)
  console.log(`${files.length} test files found`)
  if (files.length === 0) return 1

  const stopped = new AbortController()
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const signal of signals) process.once(signal, () => stopped.abort(signal))

  const cluster = await startTestCluster()
  try {
    process.env['CHRONOS_TEST_PG'] = cluster.url
    const tally = createTally(files)
    const events = run({
      files,
      isolation: 'process',
      concurrency: 2,
      timeout: 120_000,
      signal: stopped.signal,
      execArgv: ['--import', fileURLToPath(new URL('./leftovers.ts', import.meta.url))],
    })
    const lines = account(events, tally, files.length).pipe(new spec())
    lines.pipe(process.stdout, { end: false })
    await finished(lines)
    for (const problem of tally.problems()) console.error(`✖ ${problem}`)
    if (stopped.signal.aborted) return 130
    return tally.problems().length === 0 ? 0 : 1
  } finally {
    await cluster.stop()
  }
}

process.exit(await main(process.argv.slice(2)))
