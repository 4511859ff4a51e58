import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

// Below the ports that systems give if any will do (from 32768 on Linux), and above those that fetch refuses to call.
const firstPort = 11_000
const lastPort = 32_767

/**
 * A port on which nothing listens, for a program that has to know its address before it listens. No other caller gets
 * it as long as this process lives, in this process or another one: the UDP port of the same number is the mark, which
 * the kernel takes back when the process ends. No connection and no listener on port 0 gets it either.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = firstPort + Math.floor(Math.random() * (lastPort - firstPort + 1))
    if ((await markPort(port)) && (await isFree(port))) return port
  }
}

/** Whether nobody else has marked it; from now on it is marked as ours, until this process ends. */
export function markPort(port: number): Promise<boolean> {
  const socket = createSocket('udp4')
  return new Promise((resolve) => {
    socket.once('error', () => {
      socket.close()
      resolve(false)
    })
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => {
      socket.unref()
      resolve(true)
    })
  })
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer()
  const listens = once(probe, 'listening').then(
    () => true,
    () => false,
  )
  probe.listen({ port, host: '127.0.0.1', exclusive: true })
  if (!(await listens)) return false
  await once(probe.close(), 'close')
  return true
}
