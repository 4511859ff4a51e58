import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'

export type Echo = {
  url: string
  /** What it was sent, raw. */
  heard: string[]
  close(): Promise<void>
}

type Call = { request: IncomingMessage; response: ServerResponse; said: string; body: string }

/**
 * A target that gives back all that it is sent (method, URL, headers, body), in every encoding that it knows, in the
 * body and in headers. The first step of the path says how: `/ok`, `/fail`, `/tail` (the end of 64 KiB), `/redirect`,
 * `/stall` (never ends), `/close` (breaks off), `/later` (202, and reports to the callback), `/quiet` (204 for a gate)
 * and `/v1`, `/v1-refused` (a model).
 */
export async function startEcho(): Promise<Echo> {
  const heard: string[] = []
  const server = createServer((request, response) => {
    void answer(request, response).catch(() => response.destroy())
  })

  async function answer(request: IncomingMessage, response: ServerResponse) {
    const body = await text(request)
    const raw = [request.method, request.url, JSON.stringify(request.headers), body].join('\n')
    heard.push(raw, decodeURIComponent(raw.replaceAll(/%(?![0-9A-Fa-f]{2})/g, '%25')), ...basicOf(request))
    const said = encoded({ method: request.method, url: request.url, headers: request.headers, body })
    const [, how = ''] = (request.url ?? '').split(/[/?]/)
    await (ways[how] ?? ok)({ request, response, said, body })
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    heard,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

const ways: Record<string, (call: Call) => void | Promise<void>> = {
  fail: ({ response, said }) => void response.writeHead(500, inHeaders(said)).end(said),
  tail: ({ response, request }) => {
    // the beginning of the header stands at the end of what is kept of an answer, and the rest beyond
    const secret = String(request.headers['x-secret'])
    response.end('x'.repeat(64 * 1024 - Math.floor(secret.length / 2)) + secret.repeat(2))
  },
  redirect: ({ response, request }) => {
    const rest = (request.url ?? '').slice('/redirect'.length)
    response.writeHead(307, { location: `/fail${rest}` }).end()
  },
  stall: ({ response, said }) => void response.writeHead(200).write(said),
  close: ({ response, said }) => {
    response.writeHead(200, { 'content-length': said.length + 1_000 })
    response.write(said, () => response.destroy())
  },
  async later({ request, response, said }) {
    response.writeHead(202).end(said)
    const state = request.url?.includes('fails') ? 'failed' : 'succeeded'
    const report = { state, output: said, error: { message: said.slice(0, 900) } }
    const url = String(request.headers['x-chronos-callback'])
    // the run waits for it only once it is settled as waiting
    for (let tries = 0; tries < 100; tries++) {
      const body = JSON.stringify(report)
      const sent = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      if (sent.ok) return
      await new Promise((wake) => setTimeout(wake, 50))
    }
  },
  quiet: ({ response, said }) => void response.writeHead(204, inHeaders(said)).end(),
  v1: model,
  'v1-refused': ({ response, request }) => {
    const message = `Incorrect API key provided: ${request.headers.authorization}. ${request.headers.authorization}`
    response
      .writeHead(401, { 'content-type': 'application/json' })
      .end(JSON.stringify({ error: { message } }))
  },
}

function ok({ response, said }: Call): void {
  response.writeHead(200, inHeaders(said)).end(said)
}

/** As an OpenAI-compatible one: in pieces of three characters where a stream is asked for. */
function model({ response, said, body }: Call): void {
  if (!body.includes('"stream":true')) {
    const choice = { message: { role: 'assistant', content: said }, finish_reason: 'stop' }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ choices: [choice], usage: { prompt_tokens: 1, note: said } }))
    return
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  for (let at = 0; at < said.length; at += 3) {
    const delta = { choices: [{ index: 0, delta: { content: said.slice(at, at + 3) }, finish_reason: null }] }
    response.write(`data: ${JSON.stringify(delta)}\n\n`)
  }
  response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}\n\n`)
  response.end('data: [DONE]\n\n')
}

function encoded(call: {
  method: string | undefined
  url: string | undefined
  headers: object
  body: string
}): string {
  const plain = [call.url, ...Object.values(call.headers).map(String), call.body].join('\n')
  return [
    JSON.stringify(call),
    JSON.stringify(JSON.stringify(call)),
    plain,
    encodeURIComponent(plain),
    Buffer.from(plain).toString('base64'),
    Buffer.from(`.${plain}`).toString('base64url'),
    Buffer.from(plain).toString('hex'),
  ].join('\n')
}

function inHeaders(said: string): Record<string, string> {
  return { 'x-echo': encodeURIComponent(said).slice(0, 4_000), 'retry-after': '0', 'x-chronos-retry': 'no' }
}

function basicOf({ headers }: IncomingMessage): string[] {
  const [, encodedPair] = /^Basic (.+)$/.exec(headers.authorization ?? '') ?? []
  return encodedPair ? [Buffer.from(encodedPair, 'base64').toString()] : []
}

/** A mail server that takes no password, and gives back what it was sent and what it is told to say, in two encodings. */
export async function startMailEcho(
  says: string[],
): Promise<{ port: number; heard: string[]; close(): void }> {
  const heard: string[] = []
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.write('220 mail.example\r\n')
    socket.on('data', (piece) => {
      const line = piece.toString().trim()
      heard.push(line)
      const inBase64 = says.map((one) => Buffer.from(one).toString('base64'))
      const refusal = `535 not you: ${[line, ...says, ...inBase64].join(' ')}`
      socket.write(
        line.startsWith('EHLO') ? '250-mail.example\r\n250 AUTH PLAIN LOGIN\r\n' : `${refusal}\r\n`,
      )
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    ...{ port, heard },
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
