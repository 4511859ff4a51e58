import { type ChildProcess, spawn } from 'node:child_process'
import { compileCache } from '../../compile-cache.ts'

export type Ended = { code: number | null; signal: NodeJS.Signals | null }
export type Program = ReturnType<typeof startProgram>

const running = new Set<ChildProcess>()
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')))

/** A process of this Node with exactly this environment; it never outlives ours. */
export function startProgram(args: string[], env: Record<string, string>) {
  const child = spawn(process.execPath, args, {
    env: { ...compileCache, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  let log = ''
  const keep = (chunk: Buffer) => void (log += chunk.toString())
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => {
      running.delete(child)
      resolve({ code, signal })
    })
  })
  let hasEnded = false
  void ended.then(() => (hasEnded = true))
  return {
    pid: child.pid,
    ended,
    hasEnded: () => hasEnded,
    log: () => log,
    signal: (name: NodeJS.Signals) => void child.kill(name),
    async stop(): Promise<void> {
      child.kill('SIGKILL')
      await ended
    },
    /** How it ended; null if it has not after `timeoutMs`. */
    endsWithin: (timeoutMs: number): Promise<Ended | null> => {
      const timedOut = new Promise<null>((resolve) => setTimeout(resolve, timeoutMs, null).unref())
      return Promise.race([ended, timedOut])
    },
  }
}
