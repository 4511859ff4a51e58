import type { Socket } from 'node:net'

/** A TCP connection that what starts this program has begun to open (dev/image/boot.cjs). */
export type Opened = { host: string; port: number; socket: Socket }

const place = Symbol.for('chronos.opened')

/** The connection that was begun for this address, once. One for another address is given up. */
export function takeOpened(host: string, port: number): Socket | null {
  const holder = globalThis as { [place]?: Opened }
  const opened = holder[place]
  if (!opened) return null
  delete holder[place]
  const { socket } = opened
  if (opened.host === host && opened.port === port && !socket.destroyed) return socket
  socket.destroy()
  return null
}
