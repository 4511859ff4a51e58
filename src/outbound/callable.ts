import { type Problem, problemAt } from '../ground/problem.ts'
import { parseTemplate } from '../template/index.ts'

/** Why a host may not be called at a port, as the way out would say it; null: it may. Nothing is looked up. */
export type RefusalOf = (host: string, port: number) => Promise<string | null>

/** An address in a field: as it was written, maybe a template. */
export type Call = { field: string } & ({ url: unknown } | { host: unknown; port: number; scheme: string })

/**
 * The refusals that are certain when a job or a channel is saved: that the host of one of its addresses is refused by the
 * guard, or that nothing can be called there. An address that is a secret, or whose host is in one, is not judged.
 */
export async function uncallableIn(
  calls: readonly Call[],
  path: string,
  refusalOf: RefusalOf,
): Promise<Problem[]> {
  const problems: Problem[] = []
  for (const call of calls) {
    const place = placeOf(call)
    const sentence = place && (await wrongWith(place, refusalOf))
    if (sentence) problems.push(problemAt(path, call.field, sentence))
  }
  return problems
}

type Place = { host: string; port: number }

async function wrongWith({ host, port }: Place, refusalOf: RefusalOf): Promise<string | null> {
  if (port === 0) return 'nothing can be called at port 0. Give the port that the server listens on.'
  const refusal = await refusalOf(host, port)
  return refusal === null ? null : `it would not be called, because ${refusal}`
}

/** Null: it cannot be told yet. */
function placeOf(call: Call): Place | null {
  if ('url' in call) return placeInUrl(call.url)
  return isLiteral(call.host) ? { host: call.host, port: call.port } : null
}

function placeInUrl(text: unknown): Place | null {
  if (typeof text !== 'string') return null
  const [first = '', ...more] = text.split('{{')
  if (more.length > 0 && !/^https?:\/\/[^/?#\\\s]+[/?#\\]/i.test(first)) return null
  const url = URL.parse(more.length > 0 ? first : text)
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return null
  return { host: url.hostname, port: Number(url.port || (url.protocol === 'https:' ? 443 : 80)) }
}

function isLiteral(text: unknown): text is string {
  return typeof text === 'string' && parseTemplate(text).every((piece) => 'text' in piece)
}
