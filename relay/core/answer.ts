/** The parts of a request that are read: a subset of the standard `Request`, which satisfies it as it is. */
export type Ask = {
  method: string
  url: string
  headers: { get(name: string): string | null }
  text(): Promise<string>
}

/** `new Response(answer.body, answer)` is the standard one. */
export type Answer = { status: number; headers: Record<string, string>; body: string | null }

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  const fixed = { 'content-type': 'application/json', 'cache-control': 'no-store' }
  return { status, headers: { ...fixed, ...headers }, body: JSON.stringify(body) }
}

/** `error` is stable, for programs; `description` says what is wrong with the request, then what to do. */
export function refusal(
  status: number,
  error: string,
  description: string,
  headers: Record<string, string> = {},
): Answer {
  return json(status, { error, error_description: description }, headers)
}

export function busy(error: string, description: string, seconds: number): Answer {
  return refusal(429, error, description, { 'retry-after': String(seconds) })
}

export type Fields = Record<string, unknown>

/** Of a body. Hosts read no more of one than shows that it is larger. */
export const mostBytes = 64 * 1024

/** The text of a body, or the answer to one that is too large. */
export async function readText(ask: Ask): Promise<string | Answer> {
  const tooLarge = refusal(413, 'too_large', `The body is larger than ${mostBytes} bytes.`)
  if (Number(ask.headers.get('content-length') ?? 0) > mostBytes) return tooLarge
  const text = await ask.text()
  return text.length > mostBytes ? tooLarge : text
}

/** The fields of a JSON object, or the answer to any other body. An empty body has no fields. */
export async function readFields(ask: Ask): Promise<{ fields: Fields } | { answer: Answer }> {
  const text = await readText(ask)
  if (typeof text !== 'string') return { answer: text }
  const fields = parsed(text || '{}')
  if (typeof fields === 'object' && fields !== null && !Array.isArray(fields))
    return { fields: fields as Fields }
  return { answer: refusal(400, 'invalid_request', 'The body is not a JSON object.') }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The token of `Authorization: Bearer …`. */
export function bearer(ask: Ask): string | null {
  return /^Bearer ([^\s]+)$/i.exec(ask.headers.get('authorization') ?? '')?.[1] ?? null
}

export function unauthorized(description: string): Answer {
  return refusal(401, 'invalid_token', description, { 'www-authenticate': 'Bearer error="invalid_token"' })
}
