import type { FastifyRequest } from 'fastify'

/** A socket has no other end any more once its client has cut the connection, although its request is still served. */
const gone = 'gone'

/**
 * Who is at the other end, as far as limits go: an IPv4 address, or the /64 of an IPv6 address, which is what one
 * subscriber has.
 *
 * Behind Fly's proxy it is what that proxy says (it sets the header anew); anywhere else the header is anybody's to
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
