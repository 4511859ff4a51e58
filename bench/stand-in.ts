import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { NasProcess } from './world.ts'

/** So long the first list waits, for someone to join what it belongs to. */
const firstListMs = 100

/** A portal that keeps nothing: it answers at once, lists what it was given at its start, and counts the calls. */
export async function startStandIn(armed: { job_id: string; fire_at: string; schedule_id: string }[]) {
  const calls = { list: 0, provision: 0, cancel: 0 }
  // made beforehand: what a call costs here must not count as the service's
  const answers = {
    list: Buffer.from(JSON.stringify({ armed })),
    provision: Buffer.from('{"schedule_id":"s"}'),
    cancel: Buffer.from('{"ok":true}'),
  }
  const { promise: listed, resolve } = Promise.withResolvers<{ answered: Promise<number> }>()
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => {
      const name = request.url?.split('/').at(-1) as keyof typeof calls
      calls[name] += 1
      const answer = () => {
        response.writeHead(200, { 'content-type': 'application/json' }).end(answers[name])
        return performance.now()
      }
      if (name === 'list' && calls.list === 1) resolve({ answered: delay(firstListMs).then(answer) })
      else answer()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  const env = {
    CRON_PROVIDER: 'chronos',
    NAS_PORTAL_URL: url,
    NAS_AUDIENCE: 'agent:bench',
    NAS_ACCESS_TOKEN: 'stand-in',
  }
  const nas: NasProcess = {
    ...{ url, env, pid: process.pid },
    async stop() {
      server.closeAllConnections()
      server.close()
    },
  }
  /** `listed`: the first list has come, and is answered a moment later, at `performance.now()`. */
  return { nas, calls, listed }
}
