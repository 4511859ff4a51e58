import { createServer } from 'node:net'
import { markPort } from '../free-port.ts'
import { codeOf, StartError } from './errors.ts'
import type { Kept } from './home.ts'

const usualPort = 8080
const mostTries = 50

/**
 * Where the service listens: the port that was asked for, or the first free one from 8080 on.
 *
 * @throws StartError: a port that was asked for cannot be had.
 */
export async function servicePort(host: string, asked: string | undefined): Promise<number> {
  if (!asked) return firstFree(usualPort, host)
  const port = /^\d{1,5}$/.test(asked) ? Number(asked) : Number.NaN
  if (!(port <= 65_535)) throw new StartError(`PORT must be a number from 0 to 65535, not "${asked}".`)
  const trouble = await tryPort(port, host)
  if (typeof trouble === 'number') return trouble
  const why = trouble === 'EADDRINUSE' ? 'is taken by another program' : `cannot be used (${trouble})`
  throw new StartError(`Port ${port} on ${host} ${why}; set PORT to a free one, or unset it.`)
}

/**
 * The ports that jobs and arms remember stay as they are from start to start, unless another program has taken one:
 * then it moves, and `moved` has a sentence about it.
 */
export async function settlePorts(kept: Kept, port: number): Promise<{ kept: Kept; moved: string[] }> {
  const settled = { ...kept }
  const taken = [port]
  const moved: string[] = []
  // Before the first login no one has been told of a port.
  const isFirst = kept.refreshToken === null
  for (const [name, what] of portNames) {
    settled[name] = await firstFree(kept[name], '127.0.0.1', taken)
    taken.push(settled[name])
    if (settled[name] !== kept[name] && !isFirst)
      moved.push(`port ${kept[name]} is taken, so ${settled[name]} is for ${what}`)
  }
  return { kept: settled, moved }
}

const portNames = [
  ['nasPort', 'the local NAS'],
  ['proxyPort', 'the address that NAS calls (what it holds already calls the old one)'],
  ['targetPort', 'the target that prints (jobs made before call the old one)'],
] as const

/** `wanted`, or the first free one after it, of those that `taken` does not have. */
async function firstFree(wanted: number, host: string, taken: number[] = []): Promise<number> {
  const last = Math.min(wanted + mostTries, 65_536) - 1
  for (let port = wanted; port <= last; port++) {
    if (taken.includes(port)) continue
    const found = await tryPort(port, host)
    // another start may be about to listen there
    if (typeof found === 'number' && !(await markPort(found))) continue
    if (typeof found === 'number') return found
    if (found !== 'EADDRINUSE')
      throw new StartError(`Cannot listen on ${host} port ${port} (${found}). Set HOST and PORT.`)
  }
  throw new StartError(
    `The ports from ${wanted} to ${last} on ${host} are all taken; set PORT to a free one.`,
  )
}

/** The port (that the system has chosen, for 0), or the code of what stands against it. */
function tryPort(port: number, host: string): Promise<number | string> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', (error) => resolve(codeOf(error) ?? String(error)))
    probe.listen({ port, host, exclusive: true }, () => {
      const address = probe.address()
      probe.close(() => resolve(address && typeof address === 'object' ? address.port : port))
    })
  })
}
