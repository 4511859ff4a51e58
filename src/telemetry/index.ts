/** Numbers about the service, and how they leave it. The door; libraries are behind `load…`, which no boot calls. */
import type { Exposition } from './exposition.ts'

export { type Batch, type Tally, createTally } from './tally.ts'
export type { Exposition } from './exposition.ts'
export type { Family, Labels, Sample } from './family.ts'
export { createKeeping, type Keeping } from './keeping.ts'
export type { KeptRow } from './kept.ts'
export { keptFamilies } from './kept-families.ts'

/** prom-client, which costs more to load than a fire may wait: loaded when `/metrics` is asked for. */
export async function loadExposition(): Promise<Exposition> {
  const { createExposition } = await import('./exposition.ts')
  return createExposition()
}
