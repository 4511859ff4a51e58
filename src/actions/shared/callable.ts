import { parseTemplate } from '../../template/index.ts'

type Problem = { path: string; message: string }

/** Why a host may not be called at a port, as the way out would say it; null: it may. Nothing is looked up. */
export type RefusalOf = (host: string, port: number) => Promise<string | null>

/**
 * What is certain already when a job or a channel is saved: that the host of one of its addresses is refused by the
 * guard, or that nothing can be called there. `fields` of an action, a gate or a target of deliveries. An address that
 * is a secret, or whose host is in one, is not judged.
 */
export async function uncallableIn(given: unknown, path: string, refusalOf: RefusalOf): Promise<Problem[]> {
  if (typeof given !== 'object' || given === null) return []
  const fields = given as Record<string, unknown>
  const problems: Problem[] = []
  const add = (name: string, sentence: string | null) => {
    const at = path ? `${path}.${name}` : name
    if (sentence !== null) problems.push({ path: at, message: `${at}: ${sentence}` })
  }
  for (const name of ['url', 'base_url', 'api_base']) {
    const place = placeOf(fields[name])
    if (place) add(name, await wrongWith(place, refusalOf))
  }
  if (fields['type'] === 'email' && isLiteral(fields['host'])) {
    const usual = fields['secure'] === true ? 465 : 587
    const port = typeof fields['port'] === 'number' ? fields['port'] : usual
    add('host', await wrongWith({ host: fields['host'], port }, refusalOf))
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
function placeOf(text: unknown): Place | null {
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
