import { DatabaseInUse } from './database.ts'
import { createLog } from './log.ts'
import { readEnvironment } from './options.ts'
import { startRelay } from './start.ts'

// `npm run relay`: the relay as a process of its own. relay/README.md has its variables.
const print = (line: string) => void process.stdout.write(`${line}\n`)

async function main(): Promise<void> {
  const read = readEnvironment(process.env)
  if ('problems' in read) return end(78, read.problems)
  const { level, ...options } = read.options
  const log = createLog(level, print)
  const relay = await startRelay({ ...options, log })
  log.info('listening', { url: relay.url, database: options.file, issuer: options.issuer ?? 'as called' })
  if (relay.newAdminSecret !== null)
    print(`\n  The admin secret of this relay, shown this once: ${relay.newAdminSecret}\n`)
  let isStopping = false
  const stop = (signal: string) => {
    if (isStopping) return
    isStopping = true
    log.info('stopping', { signal })
    void relay.close().then(() => process.exit(0))
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

function end(code: number, says: string[]): void {
  process.stderr.write(`${says.join('\n')}\n`)
  process.exit(code)
}

main().catch((error: unknown) => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const isForPeople = error instanceof DatabaseInUse || code === 'EADDRINUSE'
  end(1, [isForPeople ? (error as Error).message : String(error instanceof Error ? error.stack : error)])
})
