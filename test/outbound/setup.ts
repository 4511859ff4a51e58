import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { type AddressInfo, Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { createOutbound } from '../../src/outbound/index.ts'

/** What names resolve to; a list of lists: another answer at each look-up. */
export type Names = Record<string, string[] | string[][]>

type Options = { allow?: string[]; own?: string[]; names?: Names }

/**
 * A way out that connects to no one: `dialled` are the addresses it would have tried, `lookedUp` the names it asked
 * for. `tryFetch` and `tryConnect` say how it ended, by the code in the depths of the error.
 */
export function setup({ allow = [], own = [], names = {} }: Options = {}) {
  const dialled: string[] = []
  const lookedUp: string[] = []
  const outbound = createOutbound({
    allow,
    own,
    lookup: async (name) => {
      const answers = names[name]
      lookedUp.push(name)
      if (answers === undefined) throw Object.assign(new Error(name), { code: 'ENOTFOUND' })
      const nth = lookedUp.filter((one) => one === name).length
      return answers
        .filter((one) => typeof one === 'string')
        .concat(answers.filter(Array.isArray)[nth - 1] ?? [])
    },
    dial: (addresses) => {
      dialled.push(...addresses)
      return new Socket().destroy(Object.assign(new Error('test'), { code: 'NOT_DIALLED' }))
    },
  })

  async function tryFetch(url: string): Promise<string> {
    const line = outbound.line()
    try {
      return await line.fetch(url).then(() => 'answered', codeOf)
    } finally {
      await line.close()
    }
  }
  const tryConnect = async (host: string, port = 25) =>
    outbound.connect({ host, port }).then(() => 'connected', codeOf)
  return { outbound, dialled, lookedUp, tryFetch, tryConnect }
}

/** The deepest code of an error, `none` where it has none. */
export function codeOf(error: unknown): string {
  let code = 'none'
  for (let at = error; at instanceof Error; at = at.cause)
    if ('code' in at && typeof at.code === 'string') code = at.code
  return code
}

/** A server on loopback, and whom it was called by. */
export async function serve(t: TestContext, listener: RequestListener, host = '127.0.0.1') {
  const calls: IncomingMessage[] = []
  const server = createServer((request, response) => {
    calls.push(request)
    listener(request, response)
  }).listen(0, host)
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { port, url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`, calls }
}
