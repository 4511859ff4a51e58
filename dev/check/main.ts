import { spawn } from 'node:child_process'
import { type Step, steps } from './steps.ts'

/**
 * `npm run check`: everything that must hold of the text of the project, without running it. Each step is one
 * tool; all run at once, each failure is shown whole, and any makes the exit code 1. That every rule really
 * bites is proven by test/check, which breaks each one.
 */
async function main() {
  const outcomes = await Promise.all(steps.map(run))
  for (const { name, ok, ms, text } of outcomes) {
    console.log(`${ok ? '✔' : '✖'} ${name} (${ms} ms)`)
    if (!ok) console.log(`${text.trimEnd()}\n`)
  }
  process.exitCode = outcomes.every(({ ok }) => ok) ? 0 : 1
}

async function run({ name, command, args, exitCode }: Step) {
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
  return { name, ok: code === exitCode, ms: Date.now() - startedAt, text }
}

await main()
