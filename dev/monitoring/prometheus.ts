import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../free-port.ts'

export type Prometheus = {
  /** The values of an instant query, `NaN` left out. */
  query(expr: string): Promise<number[]>
  close(): Promise<void>
}

export function isThere(program: 'promtool' | 'prometheus'): boolean {
  return spawnSync(program, ['--version']).status === 0
}

/** What promtool says, and whether it is content. */
export function promtool(args: string[], input?: string): { isFine: boolean; said: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8', input })
  return { isFine: status === 0, said: (stdout + stderr).trim() }
}

/** A Prometheus that scrapes `url` every second with this key, and has our alert rules. Rejects if it does not start. */
export async function startPrometheus(url: string, apiKey: string): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-prometheus-'))
  const port = await freePort()
  const config = join(folder, 'prometheus.yml')
  await writeFile(
    config,
    configOf({ host: new URL(url).host, apiKey, rules: resolve('monitoring/alerts.yml') }),
  )
  const child = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const base = `http://127.0.0.1:${port}`
  await untilReady(child, base)

  return {
    async query(expr) {
      const response = await fetch(`${base}/api/v1/query?query=${encodeURIComponent(expr)}`)
      const { status, data, error } = (await response.json()) as Answer
      if (status !== 'success') throw new Error(`${expr}: ${error}`)
      return data.result.map(({ value }) => Number(value[1])).filter((value) => !Number.isNaN(value))
    },
    async close() {
      child.kill('SIGTERM')
      await once(child, 'exit')
      await rm(folder, { recursive: true })
    },
  }
}

type Answer = { status: string; error?: string; data: { result: { value: [number, string] }[] } }

function configOf({ host, apiKey, rules }: { host: string; apiKey: string; rules: string }): string {
  return JSON.stringify({
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [rules],
    scrape_configs: [
      {
        job_name: 'chronos',
        authorization: { credentials: apiKey },
        static_configs: [{ targets: [host] }],
      },
    ],
  })
}

async function untilReady(child: ChildProcess, base: string): Promise<void> {
  let said = ''
  child.stderr?.on('data', (piece) => (said += String(piece)))
  for (let tries = 0; tries < 300; tries++) {
    if (child.exitCode !== null) throw new Error(`Prometheus did not start: ${said}`)
    const isReady = await fetch(`${base}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isReady) return
    await delay(100)
  }
  child.kill('SIGKILL')
  throw new Error('Prometheus is not ready after 30 s')
}
