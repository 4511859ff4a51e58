// Ours (they say which attempt this is), and those that belong to the connection, which the HTTP client keeps.
const reserved = new Set([
  'idempotency-key',
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'proxy-connection',
  'upgrade',
  'expect',
  'te',
  'trailer',
])

/** Whether a header of an action may not be set by its author. Any case; such a header is never sent. */
export function isReservedHeader(name: string): boolean {
  const lower = name.toLowerCase()
  return reserved.has(lower) || lower.startsWith('x-chronos-')
}
