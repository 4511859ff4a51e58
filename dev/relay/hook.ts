import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export type Received = {
  jobId: string
  fireAt: string
  path: string
  authorization: string
  at: number
  status: number
}
type React = (fire: Omit<Received, 'status'>) => Reaction | Promise<Reaction>
export type Reaction = { status: number; headers?: Record<string, string> }

/** What a relay calls back: keeps every fire and answers it as `react` says. */
export async function startHook(react: React = () => ({ status: 202 })) {
  const fires: Received[] = []
  const waiting = new Set<() => void>()
  const server = createServer((request, response) => {
    // of a relay that is killed half a request may come: that is no fire
    void text(request).then(fired, () => response.destroy())

    async function fired(body: string) {
      const at = Date.now()
      const { job_id: jobId, fire_at: fireAt } = JSON.parse(body) as { job_id: string; fire_at: string }
      const { url: path = '', headers } = request
      const fire = { jobId, fireAt, path, authorization: headers.authorization ?? '', at }
      const { status, headers: more } = await react(fire)
      fires.push({ ...fire, status })
      response.writeHead(status, more).end('{}')
      for (const look of waiting) look()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fires,
    firesOf: (jobId: string) => fires.filter((fire) => fire.jobId === jobId),
    /** The first truthy value of `look`, tried now and after each fire; null after `timeoutMs`. */
    until<T>(look: () => T, timeoutMs = 10_000): Promise<T | null> {
      return new Promise((resolve) => {
        const end = (value: T | null) => {
          clearTimeout(timer)
          waiting.delete(again)
          resolve(value)
        }
        const again = () => {
          const found = look()
          if (found) end(found)
        }
        const timer = setTimeout(() => end(null), timeoutMs)
        waiting.add(again)
        again()
      })
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

export type Hook = Awaited<ReturnType<typeof startHook>>
