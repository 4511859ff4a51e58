import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { startNas } from '../nas/index.ts'
import { startTarget } from '../target/index.ts'
import { freePort } from '../free-port.ts'

type Wish = { databaseUrl: string; apiKey: string; start: (env: Record<string, string>) => ChildProcess }

const jobs = 50
const runsOfEach = 4

/** Boots the server beside a NAS and a target of its own, has some jobs fired every second, and ends it. */
export async function fireAt({ databaseUrl, apiKey, start }: Wish) {
  const nas = await startNas({ time: 'wall' })
  const target = await startTarget()
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const startedAt = performance.now()
  const child = start({
    ...nas.environment(),
    ...{
      HOST: '127.0.0.1',
      PORT: String(port),
      DATABASE_URL: databaseUrl,
      API_KEY: apiKey,
      LOG_LEVEL: 'warn',
    },
    ...{ CRON_PROVIDER: 'chronos', CALLBACK_URL: url, TARGET_ALLOW: '127.0.0.1/32' },
  })
  let said = ''
  for (const output of [child.stdout, child.stderr])
    output?.on('data', (piece: Buffer) => (said += piece.toString()))
  const ended = once(child, 'close') as Promise<[number | null]>
  try {
    while (
      !(await fetch(`${url}/healthz`).then(
        (answer) => answer.ok,
        () => false,
      ))
    ) {
      if (child.exitCode !== null || performance.now() - startedAt > 20_000)
        throw new Error(`it does not answer: ${said}`)
      await delay(5)
    }
    const listeningMs = Math.round(performance.now() - startedAt)
    const first = await nas.sendFire({ url: `${url}/api/cron/fire`, body: { job_id: '000000000000' } })
    const firstMs = Math.round(performance.now() - startedAt)
    if (first.status !== 200) throw new Error(`the first fire was answered ${first.status}: ${said}`)
    const expected = jobs * runsOfEach
    for (let made = 0; made < jobs; made++) await makeJob(url, apiKey, `${target.url}/hook`)
    await target.waitFor(expected, 60_000).catch(() => null)
    const peakRssKb = peakRss(child)
    const refused = nas.fires().filter(({ status }) => status === null || status >= 300).length
    child.kill('SIGTERM')
    const [exitCode] = await ended
    return { listeningMs, firstMs, runs: target.calls.length, expected, refused, peakRssKb, exitCode }
  } finally {
    child.kill('SIGKILL')
    await ended
    await Promise.all([nas.close(), target.close()])
  }
}

async function makeJob(url: string, apiKey: string, targetUrl: string) {
  const answer = await fetch(`${url}/api/jobs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      name: 'fired at',
      schedule: 'every 1s',
      repeat: runsOfEach,
      action: { type: 'http', url: targetUrl },
    }),
  })
  if (answer.status !== 201) throw new Error(`a job was answered ${answer.status}: ${await answer.text()}`)
}

/** The shells in between have become the program by `exec`, so the process that was started is it. */
function peakRss({ pid }: ChildProcess): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
}
