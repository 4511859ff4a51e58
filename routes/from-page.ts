import type { FastifyRequest } from 'fastify'
import { AppError } from '../src/ground/errors.ts'

/**
 * A browser adds the cookie by itself, so a call that changes something has to show that our own page sent it: by a header
 * that no other site may send without our leave, and by what the browser says of the sender. It says so in
 * `Sec-Fetch-Site`; over plain HTTP only in `Origin`.
 *
 * @throws AppError NOT_FROM_PAGE
 */
export function requireOwnPage({ headers }: Pick<FastifyRequest, 'headers'>): void {
  const { origin, host, 'sec-fetch-site': site, 'x-chronos-page': page } = headers
  const isOurs = site === undefined ? origin === undefined || hostOf(origin) === host : site === 'same-origin'
  if (page === '1' && isOurs) return
  const detail =
    'A session changes things only from its own page, which sends the header "X-Chronos-Page: 1". Programs use an API key.'
  throw new AppError('NOT_FROM_PAGE', detail)
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null
}
