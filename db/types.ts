/** How values travel, beyond what postgres.js knows by itself without asking the server for its types. */

export const int8 = {
  to: 20,
  from: [20],
  serialize: String,
  parse(text: string): number {
    const value = Number(text)
    if (!Number.isSafeInteger(value)) throw new RangeError('a bigint was read that is beyond 2^53')
    return value
  },
}

/** Both `json` and `jsonb`. A string is a JSON string, never JSON text. */
export const json = {
  to: 114,
  from: [114, 3802],
  serialize: (value: unknown) => JSON.stringify(value),
  parse: (text: string): unknown => JSON.parse(text),
}

/** Bytes, in whichever of its two forms `bytea_output` has the server write them. */
export const bytea = {
  to: 17,
  from: [17],
  serialize: (value: Uint8Array) => `\\x${Buffer.from(value).toString('hex')}`,
  parse: (text: string): Buffer =>
    text.startsWith('\\x') ? Buffer.from(text.slice(2), 'hex') : unescaped(text),
}

// https://www.postgresql.org/docs/current/datatype-binary.html: a backslash is doubled, other bytes are `\nnn` in octal.
function unescaped(text: string): Buffer {
  const plain = text.replaceAll(/\\(\\|[0-3][0-7]{2})/g, (_, escape: string) =>
    escape === '\\' ? escape : String.fromCharCode(Number.parseInt(escape, 8)),
  )
  return Buffer.from(plain, 'latin1')
}

/** Arrays of `text`, `varchar` and `uuid`, of one dimension. */
export const textArray = {
  to: 1009,
  from: [1009, 1015, 2951],
  serialize: (value: unknown) => (Array.isArray(value) ? writeArray(value.map(String)) : String(value)),
  parse: (text: string): (string | null)[] => readArray(text),
}

/** Arrays of `timestamptz`, of one dimension. */
export const instantArray = {
  to: 1185,
  from: [1185],
  serialize: (value: unknown) => (Array.isArray(value) ? writeArray(value.map(writeInstant)) : String(value)),
  parse: (text: string): (Date | null)[] =>
    readArray(text).map((item) => (item === null ? null : new Date(item))),
}

function writeInstant(value: unknown): string {
  return value instanceof Date ? value.toISOString() : String(value)
}

function writeArray(items: string[]): string {
  return `{${items.map((item) => `"${item.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`
}

// https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO: an item is quoted, with backslash escapes, or bare.
function readArray(text: string): (string | null)[] {
  const items = text.matchAll(/"((?:[^"\\]|\\.)*)"|([^{},"]+)/gs)
  return Array.from(items, ([, quoted, bare]) => {
    if (quoted !== undefined) return quoted.replaceAll(/\\(.)/gs, '$1')
    return bare === undefined || bare === 'NULL' ? null : bare
  })
}
