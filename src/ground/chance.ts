import { randomBytes, randomUUID } from 'node:crypto'

/** The source of random values, for ids and spread waits. Handed in, so that a simulation can be replayed. */
export type Chance = {
  /** A run id. */
  uuid(): string
  /** A job id: 12 lower-case hex digits. */
  jobId(): string
  /** At or above 0, below 1. */
  fraction(): number
}

export const realChance: Chance = {
  uuid: randomUUID,
  jobId: () => randomBytes(6).toString('hex'),
  fraction: Math.random,
}
