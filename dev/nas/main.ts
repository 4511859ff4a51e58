#!/usr/bin/env node
import { startNas } from './index.ts'
import { helpPage, readCommandLine, UsageError } from './options.ts'

/** The local NAS as a program. Exit status: 0 after SIGINT or SIGTERM, 1 if it cannot start, 2 for a command line that cannot be read. */
async function main(): Promise<void> {
  const commandLine = readCommandLine(process.argv.slice(2))
  if (commandLine.help) {
    console.log(helpPage())
    return
  }
  const { nas: options, quiet } = commandLine
  const nas = await startNas({ ...options, ...(quiet ? {} : { print: console.log }) })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void nas.close().then(() => process.exit(0)))
  }

  console.log(`local NAS at ${nas.url} (control: ${nas.controlUrl ?? nas.url}/control/log)`)
  // Tokens that someone passed in are theirs to show.
  if (options.accessToken === undefined && options.refreshToken === undefined) {
    for (const [name, value] of Object.entries(nas.environment())) console.log(`  ${name}=${value}`)
  }
}

main().catch((error: unknown) => {
  console.error(sayFailure(error))
  process.exit(error instanceof UsageError ? 2 : 1)
})

function sayFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, port } = error as NodeJS.ErrnoException & { port?: number }
  if (code === 'EADDRINUSE')
    return `Port ${port} is taken by another program; pass another with --port or --control-port.`
  return error.message
}
