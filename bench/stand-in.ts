import { once } from 'node:events'
import { createServer } from 'node:http'
import type { NasProcess } from './world.ts'

/** A portal that keeps nothing: it answers at once, lists what it is given, and counts the calls. */
export async function startStandIn(armed: () => { job_id: string; fire_at: string; schedule_id: string }[]) {
  const calls = { list: 0, provision: 0, cancel: 0 }
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => {
      const name = request.url?.split('/').at(-1) as keyof typeof calls
      calls[name] += 1
      const answer =
        name === 'list' ? { armed: armed() } : name === 'provision' ? { schedule_id: 's' } : { ok: true }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
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
  return { nas, calls }
}
