import { randomBytes, randomUUIDv7 } from 'node:crypto'

/** The source of random values, for ids and spread waits. Handed in, so that a simulation can be replayed. */
export type Chance = {
  /** A run id. Those of one process ascend, so that their index grows at its end. */
  uuid(): string
  /** A job id: 12 lower-case hex digits. */
  jobId(): string
  /** At or above 0, below 1. */
  fraction(): number
}

export const realChance: Chance = {
  uuid: () => randomUUIDv7(),
  jobId: () => randomBytes(6).toString('hex'),
  fraction: Math.random,
}
