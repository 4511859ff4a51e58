/**
 * What every call to the portal (its keys, its tokens, its timers) has in common: where it may go, how much of
 * an answer is read, and how a failed call is named.
 */

/**
 * `text` as a URL that credentials may be sent to: https, or http to this machine.
 *
 * @throws Error: anything else. A mistake of the configuration, not of a caller.
 */
export function requirePortalUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))) return url
  throw new Error(`"${text}" was given as an address of the portal; expected https, or http to loopback`)
}

/** The body as text; null where it is longer than `maxBytes` after decompression (the rest is not read). */
export async function readLimited(
  response: { body: AsyncIterable<Uint8Array> | null },
  maxBytes: number,
): Promise<string | null> {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  // Leaving the loop early cancels the stream, and with it the connection.
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > maxBytes) return null
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/**
 * The machine-readable name of a failed call: a code such as `ECONNREFUSED` from the depths of `error.cause`,
 * else the class (`TimeoutError`, `AbortError`, `TypeError`). Never the text, which may quote a header.
 */
export function failureName(error: unknown): string {
  let name = 'unknown'
  for (let at = error; at instanceof Error; at = at.cause) {
    name = at.name
    const code: unknown = 'code' in at ? at.code : undefined
    if (typeof code === 'string') return code
  }
  return name
}

/** JSON text as an object; null where it is not JSON, or JSON of another kind. */
export function readJsonObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : null
  } catch {
    return null
  }
}

export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * The instant that an ISO 8601 text with an offset names, cut to milliseconds; null where it is something else.
 * NAS may write one instant in many ways, so instants are compared, never texts.
 */
export function readInstant(text: unknown): Date | null {
  if (typeof text !== 'string' || text.length > 64) return null
  try {
    return new Date(Temporal.Instant.from(text).epochMilliseconds)
  } catch {
    return null
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}
