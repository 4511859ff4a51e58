import { createHash } from 'node:crypto'

/** An encryption key that looks as random as one has to, and is the same for the same `seed`. */
export function keyOf(seed: string | number): Buffer {
  return createHash('sha256').update(`key ${seed}`).digest()
}
