// `node examples/servers.ts`: the shop, the model, and the receivers that the jobs of jobs.json call, on this machine.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { startModel } from '../dev/model/index.ts'
import { startHealthcheckReceiver, startMailReceiver, startWebhookReceiver } from '../dev/receivers/index.ts'

type Options = {
  /** By the ports of jobs.json; what is missing takes a free one. */
  ports?: Record<number, number>
  hookSecret: string
  print?: (line: string) => void
}

/** All of them, up. `ports`: by the port that jobs.json has, the one that it is. */
export async function startServers({ ports = {}, hookSecret, print = () => undefined }: Options) {
  const at = (port: number) => ({ port: ports[port] ?? 0 })
  const shop = await startShop({ ...at(9101), print })
  const model = await startModel({ ...at(9102), print })
  const hooks = await startWebhookReceiver(hookSecret, at(9103))
  const pings = await startHealthcheckReceiver(at(9104))
  const mail = await startMailReceiver(at(9105))
  const portOf = ({ url }: { url: string }) => Number(new URL(url).port)
  return {
    ...{ shop, model, hooks, pings, mail },
    ports: {
      ...{ 9101: portOf(shop), 9102: portOf(model), 9103: portOf(hooks), 9104: portOf(pings) },
      9105: mail.port,
    },
    async close() {
      await Promise.all([shop, model, hooks, pings, mail].map((one) => one.close()))
    },
  }
}

type ShopCall = { path: string; headers: IncomingMessage['headers']; body: unknown }

/** A shop: its page, its orders, a renderer that answers 202 and reports later, and a mailbox with nothing in it. */
async function startShop({ port, print }: { port: number; print: (line: string) => void }) {
  const calls: ShopCall[] = []
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const path = new URL(request.url ?? '/', 'http://shop').pathname
    const body = request.method === 'POST' ? await json(request).catch(() => null) : null
    calls.push({ path, headers: request.headers, body })
    print(`shop: ${request.method} ${request.url}`)
    if (path === '/') response.end('<h1>Welcome to the shop</h1>')
    else if (path === '/orders') response.end('three orders, 42 EUR')
    else if (path === '/unread') response.writeHead(204).end()
    else if (path === '/render') {
      response.writeHead(202).end()
      await report(body)
    } else response.end('done')
  }
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => response.destroy(error as Error))
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** What a real renderer does minutes or hours later; a report may be sent again until it is answered 2xx. */
async function report(body: unknown): Promise<void> {
  const { orders, report_to: url } = body as { orders: string; report_to: string }
  const output = `The report of today: ${orders.split('\n').at(-1)}.`
  for (let tries = 0; tries < 50; tries++) {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ state: 'succeeded', output }),
    }).catch(() => null)
    await answer?.body?.cancel()
    if (answer && (answer.ok || answer.status === 410)) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function main() {
  const { readSet } = await import('./load.ts')
  const { secrets } = await readSet()
  const same = Object.fromEntries([9101, 9102, 9103, 9104, 9105].map((port) => [port, port]))
  const print = (line: string) => console.log(line)
  const servers = await startServers({ ports: same, hookSecret: secrets['HOOK_SECRET'] ?? '', print })
  print('up: shop 9101, model 9102, webhooks 9103, healthchecks 9104, mail 9105; Ctrl-C ends them')
  const every = setInterval(() => {
    for (const { payload } of servers.hooks.got.splice(0)) print(`webhook: ${payload?.data.text}`)
    for (const { signal, run } of servers.pings.got.splice(0)) print(`healthcheck: ${signal} of run ${run}`)
    for (const { to, raw } of servers.mail.got.splice(0)) print(`mail to ${to.join(', ')}:\n${raw}`)
  }, 500)
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      clearInterval(every)
      void servers.close()
    })
}

if (import.meta.main) await main()
