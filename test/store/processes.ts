import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../dev/free-port.ts'
import { compileCache } from '../../dev/compile-cache.ts'

const program = fileURLToPath(new URL('../../src/server.ts', import.meta.url))
const quickImports = fileURLToPath(new URL('../../dev/quick-imports.ts', import.meta.url))
const readyMs = 20_000

export type ServerProcess = {
  url: string
  /** What it wrote, log and errors. */
  output(): string
  /** Its exit status, once it has ended; rejects after `timeoutMs`. */
  ended(timeoutMs: number): Promise<number | null>
  kill(signal: NodeJS.Signals): Promise<void>
}

/** The service as a process of its own, with this environment and no other; resolves once it is ready. */
export async function startServerProcess(env: Record<string, string>): Promise<ServerProcess> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const child = spawn(process.execPath, ['--import', quickImports, program], {
    env: {
      ...compileCache,
      HOST: '127.0.0.1',
      PORT: String(port),
      CALLBACK_URL: url,
      LOG_LEVEL: 'warn',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (output += String(piece)))
  const gone = once(child, 'exit')

  for (const endsAt = performance.now() + readyMs; ; await delay(25)) {
    const answer = await fetch(`${url}/readyz`).catch(() => null)
    await answer?.body?.cancel()
    if (answer?.status === 200) break
    if (child.exitCode !== null || performance.now() > endsAt) {
      child.kill('SIGKILL')
      throw new Error(
        `the service is not ready: ${answer?.status ?? 'no answer'}, exit ${child.exitCode}\n${output}`,
      )
    }
  }
  return {
    url,
    output: () => output,
    async ended(timeoutMs) {
      const late = delay(timeoutMs, undefined, { ref: false }).then(() => {
        throw new Error(`the service has not ended within ${timeoutMs} ms\n${output}`)
      })
      await Promise.race([gone, late])
      return child.exitCode
    },
    async kill(signal) {
      child.kill(signal)
      await gone
    },
  }
}
