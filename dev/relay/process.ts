import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { compileCache } from '../compile-cache.ts'

export const adminSecret = 'the-admin-secret-of-a-relay-in-tests'

/** A relay as a process of its own, on one database and port. `program`: flags of Node, and the file. It answers when this resolves. */
export async function startRelayProcess(env: Record<string, string>, ...program: string[]) {
  const child = spawn(process.execPath, program, {
    env: {
      PATH: process.env['PATH'] ?? '',
      ...compileCache,
      RELAY_ADMIN_SECRET: adminSecret,
      RELAY_ALLOW: '127.0.0.0/8',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: workerd is a process that the program has started.
    detached: true,
  })
  const die = () => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL')
    } catch {
      // It has ended.
    }
  }
  process.once('exit', die)
  let log = ''
  child.stdout.on('data', (chunk: Buffer) => (log += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const ended = once(child, 'close').then(([code, signal]) => {
    process.off('exit', die)
    return { code: code as number | null, signal: signal as NodeJS.Signals | null }
  })
  const url = `http://127.0.0.1:${env['PORT']}`
  const endsAt = Date.now() + 300_000
  while (child.exitCode === null && child.signalCode === null && !/ info listening /.test(log)) {
    if (Date.now() > endsAt) {
      die()
      throw new Error(`${program.join(' ')} does not listen after five minutes; it said:\n${log}`)
    }
    await delay(20)
  }
  return {
    url,
    pid: child.pid,
    ended,
    log: () => log,
    signal: (name: NodeJS.Signals) => void child.kill(name),
    async kill() {
      die()
      await ended
    },
  }
}
