import type { Operation, ResponseHeader } from '../schemas/index.ts'
import type { Json } from './plain.ts'

const limits = ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'] as const

/** `made`: the answer says that something new is there. */
export function headersOfSuccess(
  { answerHeaders = [] }: Operation,
  { isApi, made }: { isApi: boolean; made: boolean },
): ResponseHeader[] {
  const own = answerHeaders.filter((name) => made || !ofMade.has(name))
  return ['X-Request-Id', ...(isApi ? limits : []), ...own]
}

const ofMade: ReadonlySet<string> = new Set(['Location', 'Idempotency-Replayed'])

export function headersOfProblem(status: number): ResponseHeader[] {
  const repeated = status === 429 || status === 503
  return [
    'X-Request-Id',
    ...(repeated ? (['Retry-After'] as const) : []),
    ...(status === 401 ? (['WWW-Authenticate'] as const) : []),
  ]
}

export function withHeaders(names: ResponseHeader[]): Json {
  const entries = names.map((name) => [name, { $ref: `#/components/headers/${name}` }])
  return { headers: Object.fromEntries(entries) as Json }
}
