import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { fileURLToPath } from 'node:url'
import { startTestCluster } from '../../test/support/cluster.ts'
import { account, createTally } from './account.ts'
import { findTestFiles } from './find.ts'
import { longestFirst } from './longest.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** Half of the files wait more than they compute: for a retry, a lease, a process that starts. */
const filesPerCore = 2
const preloaded = [
  new URL('../quick-imports.ts', import.meta.url),
  new URL('./leftovers.ts', import.meta.url),
]
/** Several times what the longest file takes, for a machine that is busy with something else. */
const fileTimeoutMs = 300_000

/**
 * `npm test [-- file, folder or part of a path …]`: one PostgreSQL for the whole run, every test file in a process
 * of its own, the longest first, node's own reporter, and the ten slowest files at the end. Exits 0 only if every file
 * that was found ran at least one test, every test passed, none was skipped, and no file kept its process alive.
 */
async function main(filters: string[]): Promise<number> {
  const files = longestFirst(await findTestFiles(filters))
  console.log(`${files.length} test files found`)
  if (files.length === 0) return 1

  const stopped = new AbortController()
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const signal of signals) process.once(signal, () => stopped.abort(signal))

  const cluster = await startTestCluster()
  try {
    process.env['CHRONOS_TEST_PG'] = cluster.url
    process.env['CHRONOS_TEST_BUILD'] = join(cluster.folder, 'build')
    // Every process would strip the types of the same 200 files, and compile them, again.
    process.env['NODE_COMPILE_CACHE'] ??= `${root}.chronos/test-compile-cache`
    const tally = createTally(files)
    const events = run({
      files,
      isolation: 'process',
      concurrency: filesPerCore * availableParallelism(),
      timeout: fileTimeoutMs,
      signal: stopped.signal,
      execArgv: preloaded.flatMap((file) => ['--import', fileURLToPath(file)]),
    })
    const lines = account(events, tally, files.length).pipe(new spec())
    lines.pipe(process.stdout, { end: false })
    await finished(lines)
    console.log(tally.slowest(10))
    for (const problem of tally.problems()) console.error(`✖ ${problem}`)
    if (stopped.signal.aborted) return 130
    return tally.problems().length === 0 ? 0 : 1
  } finally {
    await cluster.stop()
  }
}

process.exit(await main(process.argv.slice(2)))
