import { spawn } from 'node:child_process'

/**
 * `npm run check`: everything that must hold of the text of the project, without running it. Each step is one
 * tool; all run at once, each failure is shown whole, and any makes the exit code 1. That every rule really
 * bites is proven by test/gate, which breaks each one.
 */
type Step = { name: string; command: string; args: string[]; fine?: number }

const steps: Step[] = [
  { name: 'types', command: 'tsc', args: ['--noEmit', '-p', '.'] },
  { name: 'lint', command: 'oxlint', args: [] },
  { name: 'format', command: 'biome', args: ['format', '--max-diagnostics=50', '.'] },
  { name: 'dead code', command: 'knip', args: ['--no-progress'] },
  // Paths of somebody's own machine, in a file that is meant for everybody's. git grep: 1 is "none found".
  { name: 'machine paths', command: 'git', args: ['grep', '-nIE', machinePaths()], fine: 1 },
]

function machinePaths(): string {
  return '(^|[^A-Za-z0-9._~-])/(work|farm|Users|home/[a-z]+)/'
}

async function main() {
  const outcomes = await Promise.all(steps.map(run))
  for (const { name, ok, ms, text } of outcomes) {
    console.log(`${ok ? '✔' : '✖'} ${name} (${ms} ms)`)
    if (!ok) console.log(`${text.trimEnd()}\n`)
  }
  process.exitCode = outcomes.every(({ ok }) => ok) ? 0 : 1
}

async function run({ name, command, args, fine = 0 }: Step) {
  const startedAt = Date.now()
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', (error) => {
      text += error.message
      resolve(null)
    })
    child.on('close', resolve)
  })
  return { name, ok: code === fine, ms: Date.now() - startedAt, text }
}

await main()
