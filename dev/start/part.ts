import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { StartError } from './errors.ts'
import { home, root } from './home.ts'

export type Part = {
  name: string
  /** How it ended, in words. */
  ended: Promise<string>
  /** SIGTERM, and SIGKILL after `patienceMs`. Resolves when it is gone. */
  stop(patienceMs: number): Promise<void>
}

type PartOptions = {
  name: string
  /** With its arguments; paths from the project's root. */
  command: string[]
  env: NodeJS.ProcessEnv
  show: (line: string) => void
}

const tied = new URL('./tied.ts', import.meta.url).href

/** A program of ours as a process of its own, which ends when this one does, whatever ends this one. */
export function startPart({ name, command, env, show }: PartOptions): Part {
  // Detached: Ctrl-C in a terminal is for the launcher, which stops its parts in their order.
  const child = spawn(process.execPath, ['--import', tied, ...command], {
    cwd: root,
    env: { ...env, NODE_COMPILE_CACHE: join(home, 'compile-cache') },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.on('error', () => {})
  for (const output of [child.stdout, child.stderr]) createInterface(output).on('line', show)
  // 'close' comes after the last line of output.
  const ended = once(child, 'close').then(
    ([code, signal]) => (signal ? `ended by ${String(signal)}` : `ended with exit status ${String(code)}`),
    (error: unknown) => `could not be started: ${String(error)}`,
  )
  return {
    name,
    ended,
    async stop(patienceMs) {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs)
      await ended
      clearTimeout(timer)
    },
  }
}

const bootMs = 60_000

/** Once `url` is answered with 2xx. @throws StartError: the part ended instead, or takes longer than a minute. */
export async function untilAnswered(part: Part, url: string): Promise<void> {
  const endsAt = performance.now() + bootMs
  let isGone = false
  void part.ended.then(() => {
    isGone = true
  })
  while (!isGone && performance.now() < endsAt) {
    const isUp = await fetch(url).then(
      (answer) => answer.ok,
      () => false,
    )
    if (isUp) return
    await Promise.race([delay(20), part.ended])
  }
  throw new StartError(
    `The ${part.name} ${isGone ? await part.ended : `did not answer within ${bootMs / 1000} s`}.`,
  )
}
