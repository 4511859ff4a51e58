import type { readers } from './config-values.ts'

/** Where metrics and traces are pushed to, by the standard variables of OpenTelemetry. */
export type TelemetryConfig = {
  /** Whole addresses; null: not pushed. */
  metricsUrl: string | null
  tracesUrl: string | null
  headers: Record<string, string>
  protocol: 'http/protobuf' | 'http/json'
  serviceName: string
  /** Further attributes of the resource. */
  attributes: Record<string, string>
  /** The share of fires that are traced, from 0 to 1. */
  traced: number
  intervalMs: number
  timeoutMs: number
}

const samplers = ['always_on', 'always_off', 'traceidratio']
const protocols = ['http/protobuf', 'http/json'] as const

export function telemetry(
  { text, secret, integer, url }: Pick<ReturnType<typeof readers>, 'text' | 'secret' | 'integer' | 'url'>,
  problems: string[],
): TelemetryConfig {
  const isDisabled = oneOf('OTEL_SDK_DISABLED', ['true', 'false'], 'false') === 'true'
  const base = url('OTEL_EXPORTER_OTLP_ENDPOINT', { isPlainAllowed: true })
  const address = (own: string, path: string) => {
    const whole = url(own, { isPlainAllowed: true }) ?? (base && `${base}${path}`)
    return isDisabled ? null : whole
  }
  const { 'service.name': named, ...attributes } = pairs(
    'OTEL_RESOURCE_ATTRIBUTES',
    text('OTEL_RESOURCE_ATTRIBUTES'),
  )
  return {
    metricsUrl: address('OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', '/v1/metrics'),
    tracesUrl: address('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', '/v1/traces'),
    headers: pairs('OTEL_EXPORTER_OTLP_HEADERS', secret('OTEL_EXPORTER_OTLP_HEADERS')),
    protocol: oneOf('OTEL_EXPORTER_OTLP_PROTOCOL', protocols, 'http/protobuf'),
    serviceName: text('OTEL_SERVICE_NAME') ?? named ?? 'chronos',
    attributes,
    traced: ratio(oneOf('OTEL_TRACES_SAMPLER', [...samplers, ...samplers.map(ofParent)], 'always_on')),
    intervalMs: integer('OTEL_METRIC_EXPORT_INTERVAL', 60_000, 1_000, 86_400_000),
    timeoutMs: integer('OTEL_EXPORTER_OTLP_TIMEOUT', 2_000, 1, 60_000),
  }

  function oneOf<Word extends string>(name: string, words: readonly Word[], usual: Word): Word {
    const value = text(name) ?? usual
    const word = words.find((one) => one === value)
    if (word !== undefined) return word
    problems.push(`${name} must be one of ${words.join(', ')}, not "${value}"`)
    return usual
  }

  /** A fire has no parent: a sampler that asks for that of its parent does as it does without one. */
  function ratio(sampler: string): number {
    const share = text('OTEL_TRACES_SAMPLER_ARG') ?? '1'
    const isShare = /^(?:0(?:\.\d+)?|1(?:\.0+)?)$/.test(share)
    if (!isShare) problems.push(`OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1, not "${share}"`)
    if (sampler.endsWith('always_off')) return 0
    return sampler.endsWith('traceidratio') && isShare ? Number(share) : 1
  }

  /** `key=value,…`, in percent-encoding. The values may be secret: no message shows one. */
  function pairs(name: string, list: string | null): Record<string, string> {
    const entries = (list ?? '').split(',').filter((entry) => entry.trim() !== '')
    const read = entries.map((entry) => {
      const at = entry.indexOf('=')
      return [entry.slice(0, Math.max(0, at)).trim(), decoded(entry.slice(at + 1).trim())] as const
    })
    const isRead = read.every(([key]) => /^[\w.-]+$/.test(key))
    if (!isRead) problems.push(`${name} must be a list of key=value, separated by commas`)
    return Object.fromEntries(isRead ? read : [])
  }
}

const ofParent = (sampler: string) => `parentbased_${sampler}`

function decoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

/** The values of its headers, and what follows `Bearer` and the like; a short one is no secret. */
export function secretsOfHeaders({ headers }: TelemetryConfig): string[] {
  const values = Object.values(headers)
  return values.flatMap((value) => [value, value.split(' ').at(-1) ?? '']).filter(({ length }) => length >= 8)
}
