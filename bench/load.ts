import { Agent, request } from 'node:http'
import type { Socket } from 'node:net'

export type Answer = { status: number; ms: number; body: string; sent: string }

/** Sends `bodies` as fires to `url` over `connections` kept-alive connections, one at a time on each. */
export async function fireAll(
  url: string,
  { bodies, tokens, connections }: { bodies: string[]; tokens: string[]; connections: number },
): Promise<{ answers: Answer[]; seconds: number }> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const answers: Answer[] = []
  const left = bodies.entries()
  const startedAt = performance.now()
  async function one() {
    for (const [index, body] of left)
      answers.push(await post(url, agent, body, tokens[index % tokens.length] ?? ''))
  }
  await Promise.all(Array.from({ length: connections }, one))
  const seconds = (performance.now() - startedAt) / 1000
  agent.destroy()
  return { answers, seconds }
}

export function fireBody(id: string, fireAt: Date): string {
  return JSON.stringify({ job_id: id, fire_at: fireAt.toISOString() })
}

function post(url: string, agent: Agent, body: string, token: string): Promise<Answer> {
  const sentAt = performance.now()
  return new Promise((resolve, reject) => {
    const call = request(
      `${url}/api/cron/fire`,
      {
        ...{ agent, method: 'POST' },
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        },
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (text += chunk))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            ms: performance.now() - sentAt,
            body: text,
            sent: body,
          }),
        )
      },
    )
    call.on('error', reject)
    call.end(body)
  })
}

/** One fire on a connection that stands already; resolves with the status line's code at its first bytes. */
export function fireOn(socket: Socket, body: string, token: string): Promise<number> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('data', (data) => {
      socket.off('error', reject)
      resolve(Number(data.toString('latin1').split(' ', 2)[1]))
    })
    socket.write(
      `POST /api/cron/fire HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )
  })
}
