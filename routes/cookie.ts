import type { FastifyReply, FastifyRequest } from 'fastify'

/** In production a name that browsers take only from this host, over TLS (or from localhost), for all of its paths. */
const nameOf = (isSecure: boolean) => (isSecure ? '__Host-chronos' : 'chronos')
const always = 'Path=/; HttpOnly; SameSite=Strict'

type Place = { production: boolean }

/** The text of the session's cookie; undefined: none was sent. */
export function cookieOf(
  { headers }: Pick<FastifyRequest, 'headers'>,
  { production }: Place,
): string | undefined {
  const start = `${nameOf(production)}=`
  const found = headers.cookie?.split(';').find((one) => one.trim().startsWith(start))
  return found?.trim().slice(start.length)
}

/** `text` null: the browser forgets it. */
export function setCookie(
  reply: FastifyReply,
  text: string | null,
  { production }: Place,
  seconds = 0,
): void {
  const secure = production ? '; Secure' : ''
  const value = `${nameOf(production)}=${text ?? ''}; Max-Age=${Math.round(seconds)}; ${always}${secure}`
  reply.header('set-cookie', value)
}
