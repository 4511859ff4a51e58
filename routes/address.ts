import type { FastifyRequest } from 'fastify'

/** A socket has no other end any more once its client has cut the connection, although its request is still served. */
const gone = 'gone'

/**
 * The peer that limits apply to: an IPv4 address, or the /64 of an IPv6 address, which is the range that one
 * subscriber has.
 *
 * Behind Fly's proxy it is the address that the proxy reports (it overwrites the header); anywhere else any client may
 * write, and the socket's own end counts. https://fly.io/docs/networking/request-headers/
 */
export function addressOf(request: FastifyRequest, { isOnFly }: { isOnFly: boolean }): string {
  const told = isOnFly ? request.headers['fly-client-ip'] : undefined
  const address = typeof told === 'string' && told.length <= 45 ? told : request.ip || gone
  if (!address.includes(':')) return address
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1]
  return mapped ?? network64(address.toLowerCase())
}

function network64(address: string): string {
  const [head = '', tail] = address.split('::')
  const groups = head.split(':').filter(Boolean)
  const after = tail === undefined ? [] : tail.split(':').filter(Boolean)
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - after.length)
  const all = [...groups, ...Array.from({ length: zeros }, () => '0'), ...after]
  return all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')
}
