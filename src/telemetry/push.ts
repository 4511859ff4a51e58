import type { Collector } from '../ground/config-telemetry.ts'
import type { Family } from './family.ts'
import { type Message, metricsRequest, type Origin, tracesRequest } from './otlp.ts'
import { writeProtobuf } from './protobuf.ts'
import type { Span } from './tracer.ts'

export type PushNeeds = {
  metrics: Collector | null
  traces: Collector | null
  origin: Origin
  families: () => Promise<readonly Family[]>
  spans: () => Span[]
  timeoutMs: number
  log: { warn(fields: object, message: string): void }
}

/**
 * Sends metrics and traces to a collector: once, over before `timeoutMs`. Never rejects; a collector that takes nothing is
 * logged once, until it takes something again. What it did not take of traces is gone; metrics are sums and lose nothing.
 */
export function createPush({ metrics, traces, origin, families, spans, timeoutMs, log }: PushNeeds) {
  let isTold = false

  async function push(): Promise<void> {
    const ended = spans()
    const sent = await Promise.allSettled([
      metrics && families().then((found) => post(metrics, metricsRequest(found, origin, Date.now()))),
      traces && ended.length > 0 && post(traces, tracesRequest(ended, origin)),
    ])
    const failed = sent.find((one) => one.status === 'rejected')
    if (failed && !isTold)
      log.warn({ err: failed.reason as unknown }, 'the collector of metrics and traces took nothing')
    isTold = failed !== undefined
  }

  async function post({ url, headers, isJson }: Collector, message: Message): Promise<void> {
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': isJson ? 'application/json' : 'application/x-protobuf' },
      body: isJson ? JSON.stringify(message) : new Uint8Array(writeProtobuf(message)),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    })
    await response.body?.cancel()
    if (!response.ok) throw new Error(`${new URL(url).origin} answered ${response.status}`)
  }

  return { push }
}
