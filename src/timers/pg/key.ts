import { createHmac } from 'node:crypto'

/** What fires are signed with, from ENCRYPTION_KEY: the database holds nothing that could open a seal. */
export function fireKey(encryptionKey: Buffer): Buffer {
  return createHmac('sha256', encryptionKey).update('chronos timer in postgres').digest()
}

/**
 * The two halves of an HMAC-SHA256 (RFC 2104), so that Postgres signs with its own `sha256()` and needs no extension:
 * `sha256(outer || sha256(inner || text))`.
 */
export function halvesOf(key: Buffer): { inner: Buffer; outer: Buffer } {
  const block = Buffer.concat([key, Buffer.alloc(blockBytes - key.length)])
  const half = (pad: number) => block.map((byte) => byte ^ pad) as Buffer
  return { inner: half(0x36), outer: half(0x5c) }
}

const blockBytes = 64
