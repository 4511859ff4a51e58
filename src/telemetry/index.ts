/** Numbers about the service, and how they leave it. The door; libraries are behind `load…`, which no boot calls. */
import type { Exposition } from './exposition.ts'
import type { createPush, PushNeeds } from './push.ts'
import type { Tracer } from './tracer.ts'

export { type Batch, type Tally, createTally } from './tally.ts'
export type { Exposition } from './exposition.ts'
export type { Family, Labels, Sample } from './family.ts'
export { createKeeping, type Keeping } from './keeping.ts'
export type { KeptRow } from './kept.ts'
export type { PushNeeds } from './push.ts'
export { noTracer, type SpanWish, type Tracer } from './tracer.ts'
export { keptFamilies } from './kept-families.ts'

/** prom-client, which costs more to load than a fire may wait: loaded when `/metrics` is asked for. */
export async function loadExposition(): Promise<Exposition> {
  const { createExposition } = await import('./exposition.ts')
  return createExposition()
}

/** Only where traces are pushed. `traced`: the share of them that is kept. */
export async function loadTracer(traced: number): Promise<Tracer> {
  const { createTracer } = await import('./spans.ts')
  return createTracer(traced)
}

/** Loaded when something is pushed for the first time: after the work, not before it. */
export async function loadPush(needs: PushNeeds): Promise<ReturnType<typeof createPush>> {
  const push = await import('./push.ts')
  return push.createPush(needs)
}
