import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Request = { method: string; path: string; headers: Record<string, string>; body: string }
export type Response = { status: number; headers: Record<string, string>; body: string }
export type Tamper = {
  request?: (request: Request) => void
  response?: (response: Response, request: Request) => void
  /** In place of a connection that broke. */
  broken?: (request: Request) => Response | undefined
}

/** A proxy that changes what goes through it: how a service, or a timer service, looks that breaks a clause. */
export async function startProxy(to: string, tamper: Tamper) {
  const server = createServer((message, answer) => {
    void pass(message)
      .then(({ status, headers, body }) => answer.writeHead(status, headers).end(body))
      .catch(() => answer.destroy())
  })

  async function pass(message: IncomingMessage): Promise<Response> {
    const request = await read(message)
    tamper.request?.(request)
    const passed = await fetch(to + request.path, {
      method: request.method,
      headers: request.headers,
      redirect: 'manual',
      ...(request.body !== '' && { body: request.body }),
    }).catch((error: unknown) => {
      const instead = tamper.broken?.(request)
      if (!instead) throw error
      return instead
    })
    if (!(passed instanceof globalThis.Response)) return passed
    const response = {
      status: passed.status,
      headers: Object.fromEntries([...passed.headers].filter(([name]) => !hops.includes(name))),
      body: await passed.text(),
    }
    tamper.response?.(response, request)
    return response
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const hops = ['connection', 'content-length', 'host', 'keep-alive', 'transfer-encoding', 'content-encoding']

async function read(message: IncomingMessage): Promise<Request> {
  let body = ''
  for await (const chunk of message) body += String(chunk)
  const headers = Object.entries(message.headers).filter(([name]) => !hops.includes(name))
  return {
    method: message.method ?? '',
    path: message.url ?? '',
    headers: Object.fromEntries(headers.map(([name, value]) => [name, String(value)])),
    body,
  }
}
