import type { TelemetryConfig } from '../ground/config-telemetry.ts'
import type { Family } from './family.ts'
import { type Message, metricsRequest, type Origin, tracesRequest } from './otlp.ts'
import { writeProtobuf } from './protobuf.ts'
import type { Span } from './tracer.ts'

export type PushNeeds = {
  to: Pick<TelemetryConfig, 'metricsUrl' | 'tracesUrl' | 'headers' | 'protocol' | 'timeoutMs'>
  origin: Origin
  families: () => Promise<readonly Family[]>
  spans: () => Span[]
  log: { warn(fields: object, message: string): void }
}

/**
 * Sends metrics and traces to a collector: once, over before `timeoutMs`. Never rejects; a collector that takes nothing is
 * logged once, until it takes something again. What it did not take of traces is gone; metrics are sums and lose nothing.
 */
export function createPush({ to, origin, families, spans, log }: PushNeeds) {
  const { metricsUrl, tracesUrl, headers, protocol, timeoutMs } = to
  const isJson = protocol === 'http/json'
  let isTold = false

  async function push(): Promise<void> {
    const ended = spans()
    const sent = await Promise.allSettled([
      metricsUrl && families().then((found) => post(metricsUrl, metricsRequest(found, origin, Date.now()))),
      tracesUrl && ended.length > 0 && post(tracesUrl, tracesRequest(ended, origin)),
    ])
    const failed = sent.find((one) => one.status === 'rejected')
    if (failed && !isTold)
      log.warn({ err: failed.reason as unknown }, 'the collector of metrics and traces took nothing')
    isTold = failed !== undefined
  }

  async function post(url: string, message: Message): Promise<void> {
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
