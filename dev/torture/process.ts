import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compileCache } from '../compile-cache.ts'

/** The service as it is started in production: a process of its own, told everything by its environment. */
export type ServiceProcess = {
  url: string
  child: ChildProcess
  /** Each line that it wrote, as JSON where it was. */
  lines: string[]
  /** Resolves when the process has ended: its exit status, or the signal's name. */
  ended: Promise<number | string>
  signal(name: NodeJS.Signals): void
  api(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: Record<string, unknown> }>
}

const root = fileURLToPath(new URL('../../', import.meta.url))
const quickImports = fileURLToPath(new URL('../quick-imports.ts', import.meta.url))
const apiKey = 'torture-key-0123456789'

/** Resolves when the process listens. `port`: where NAS was told to call. `tree`: whose source it runs; default: this one's. */
export async function startProcess(
  port: number,
  env: Record<string, string>,
  tree = root,
): Promise<ServiceProcess> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--import', quickImports, join(tree, 'src/server.ts')],
    {
      env: {
        PATH: process.env['PATH'] ?? '',
        ...compileCache,
        HOST: '127.0.0.1',
        PORT: String(port),
        API_KEY: apiKey,
        RATE_LIMIT_PER_MINUTE: '0',
        CRON_PROVIDER: 'chronos',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const url = `http://127.0.0.1:${port}`
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr])
    createInterface(stream).on('line', (line) => lines.push(line))
  const ended = new Promise<number | string>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  })
  await until(async () => {
    if (child.exitCode !== null)
      throw new Error(`the service ended with ${child.exitCode}:\n${lines.join('\n')}`)
    return (await fetch(`${url}/readyz`).catch(() => null))?.ok === true
  }, 'the service to be ready')
  return {
    ...{ url, child, lines, ended },
    signal: (name) => void child.kill(name),
    async api(method, path, body) {
      const response = await fetch(url + path, {
        method,
        headers: {
          authorization: `Bearer ${apiKey}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return {
        status: response.status,
        body: (await response.json().catch(() => ({}))) as Record<string, unknown>,
      }
    },
  }
}

/** Asks again and again until it is so; rejects after 20 s. */
export async function until(isSo: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`waited 20 s for ${what}`)
    await new Promise((wake) => setTimeout(wake, 20))
  }
}
