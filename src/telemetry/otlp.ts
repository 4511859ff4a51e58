import { type Family, helpOf, type Labels } from './family.ts'
import type { Attributes, Span } from './tracer.ts'

/** The JSON form of OTLP: 64-bit numbers are texts, ids are hexadecimal. `protobuf.ts` writes the same as bytes. */
export type Message = { [field: string]: unknown }

/** Who sends. `instance`: the machine, for numbers about one process. */
export type Origin = { resource: Labels; version: string; instance: string }

/** The two kinds of numbers have resources of their own: those about the service belong to no instance. */
export function metricsRequest(families: readonly Family[], origin: Origin, nowMs: number): Message {
  const isOfProcess = ({ name }: Family) => name.startsWith('chronos_process_')
  const part = (resource: Labels, some: readonly Family[]) => ({
    resource: { attributes: attributesOf(resource) },
    scopeMetrics: [{ scope: scopeOf(origin), metrics: some.map((family) => metricOf(family, nanos(nowMs))) }],
  })
  const named = { ...origin.resource, 'service.version': origin.version }
  return {
    resourceMetrics: [
      part(
        named,
        families.filter((family) => !isOfProcess(family)),
      ),
      part({ ...named, 'service.instance.id': origin.instance }, families.filter(isOfProcess)),
    ],
  }
}

const cumulative = 2

function metricOf(family: Family, timeUnixNano: string): Message {
  const { name } = family
  const about = { name, description: helpOf(family), unit: name.endsWith('_seconds') ? 's' : '' }
  if (family.type === 'histogram') {
    const { counts, bounds, sum } = family
    const count = counts.reduce((total, one) => total + one, 0)
    const point = {
      timeUnixNano,
      count: `${count}`,
      sum,
      bucketCounts: counts.map(String),
      explicitBounds: bounds,
    }
    return { ...about, histogram: { dataPoints: [point], aggregationTemporality: cumulative } }
  }
  const dataPoints = family.samples.map(({ labels, value }) => ({
    ...{ timeUnixNano, asDouble: value, attributes: attributesOf(labels) },
  }))
  return family.type === 'gauge'
    ? { ...about, gauge: { dataPoints } }
    : { ...about, sum: { dataPoints, aggregationTemporality: cumulative, isMonotonic: true } }
}

const kinds = { internal: 1, server: 2, client: 3 }

export function tracesRequest(spans: readonly Span[], origin: Origin): Message {
  const resource = {
    ...{ ...origin.resource, 'service.version': origin.version, 'service.instance.id': origin.instance },
  }
  const written = spans.map((span) => ({
    ...{ traceId: span.traceId, spanId: span.id, name: span.name, kind: kinds[span.kind] },
    ...(span.parentId && { parentSpanId: span.parentId }),
    ...{ startTimeUnixNano: nanos(span.startMs), endTimeUnixNano: nanos(span.endMs) },
    attributes: attributesOf(span.attributes),
    status: span.failure === null ? {} : { code: 2, message: span.failure },
  }))
  const scopeSpans = [{ scope: scopeOf(origin), spans: written }]
  return { resourceSpans: [{ resource: { attributes: attributesOf(resource) }, scopeSpans }] }
}

function scopeOf({ version }: Origin): Message {
  return { name: 'chronos', version }
}

function attributesOf(attributes: Attributes): Message[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === null || value === undefined ? [] : [{ key, value: anyValue(value) }],
  )
}

function anyValue(value: string | number | boolean): Message {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  return Number.isSafeInteger(value) ? { intValue: `${value}` } : { doubleValue: value }
}

function nanos(ms: number): string {
  return `${BigInt(Math.round(ms * 1_000)) * 1_000n}`
}
