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
