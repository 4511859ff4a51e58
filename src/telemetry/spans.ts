import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes } from 'node:crypto'
import type { Attributes, Span, SpanWish, Tracer } from './tracer.ts'

/** More wait for no collector: what comes then is not kept. */
const spansMax = 2_048

type Context = { traceId: string; id: string; isTraced: boolean }

/**
 * Spans are plain objects, and the current one follows the work by itself (AsyncLocalStorage): what goes on after the 202
 * belongs to the fire that began it. `traced`: the share of traces that are kept, decided by their id.
 */
export function createTracer(traced: number): Tracer {
  const current = new AsyncLocalStorage<Context>()
  let ended: Span[] = []

  function open(): Context & { parentId: string | null } {
    const parent = current.getStore()
    const traceId = parent?.traceId ?? randomBytes(16).toString('hex')
    // as the sampler of the standard does: by the last seven bytes
    const isTraced = parent?.isTraced ?? Number.parseInt(traceId.slice(18), 16) < traced * 2 ** 56
    return { traceId, id: randomBytes(8).toString('hex'), isTraced, parentId: parent?.id ?? null }
  }

  function keep(context: ReturnType<typeof open>, wish: SpanWish, tookMs: number, failure: string | null) {
    if (!context.isTraced || ended.length >= spansMax) return
    const { traceId, id, parentId } = context
    const endMs = performance.timeOrigin + performance.now()
    ended.push({ traceId, id, parentId, ...wish, startMs: endMs - tookMs, endMs, failure })
  }

  return {
    isOn: true,
    async during(wish, work) {
      const context = open()
      const startedAt = performance.now()
      let failure: string | null = null
      const attributes = { ...wish.attributes }
      const note = (more: Attributes, failed?: string) => {
        Object.assign(attributes, more)
        failure = failed ?? failure
      }
      try {
        return await current.run(context, () => work(note))
      } catch (error) {
        failure = error instanceof Error ? error.message : 'it failed'
        throw error
      } finally {
        keep(context, { ...wish, attributes }, performance.now() - startedAt, failure)
      }
    },
    note: (wish, tookMs) => keep(open(), wish, tookMs, null),
    parent() {
      const context = current.getStore()
      return context ? `00-${context.traceId}-${context.id}-0${context.isTraced ? 1 : 0}` : null
    },
    take() {
      const taken = ended
      ended = []
      return taken
    },
  }
}
