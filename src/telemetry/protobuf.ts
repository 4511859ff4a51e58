import type { Message } from './otlp.ts'

type Scalar = 'string' | 'hex' | 'int' | 'bool' | 'double' | 'fixed64'
/** The number of a field, and what is in it: a scalar, or a message by its own fields. A list repeats it; numbers are packed. */
type Fields = { [name: string]: [number, Scalar | (() => Fields)] }

const anyValue: Fields = {
  stringValue: [1, 'string'],
  boolValue: [2, 'bool'],
  intValue: [3, 'int'],
  doubleValue: [4, 'double'],
}
const keyValue: Fields = { key: [1, 'string'], value: [2, () => anyValue] }
const resource: Fields = { attributes: [1, () => keyValue] }
const scope: Fields = { name: [1, 'string'], version: [2, 'string'] }

const numberPoint: Fields = {
  timeUnixNano: [3, 'fixed64'],
  asDouble: [4, 'double'],
  attributes: [7, () => keyValue],
}
const histogramPoint: Fields = {
  timeUnixNano: [3, 'fixed64'],
  count: [4, 'fixed64'],
  sum: [5, 'double'],
  bucketCounts: [6, 'fixed64'],
  explicitBounds: [7, 'double'],
}
const temporality = { aggregationTemporality: [2, 'int'] } satisfies Fields
const metric: Fields = {
  name: [1, 'string'],
  description: [2, 'string'],
  unit: [3, 'string'],
  gauge: [5, () => ({ dataPoints: [1, () => numberPoint] })],
  sum: [7, () => ({ dataPoints: [1, () => numberPoint], ...temporality, isMonotonic: [3, 'bool'] })],
  histogram: [9, () => ({ dataPoints: [1, () => histogramPoint], ...temporality })],
}
const span: Fields = {
  traceId: [1, 'hex'],
  spanId: [2, 'hex'],
  parentSpanId: [4, 'hex'],
  name: [5, 'string'],
  kind: [6, 'int'],
  startTimeUnixNano: [7, 'fixed64'],
  endTimeUnixNano: [8, 'fixed64'],
  attributes: [9, () => keyValue],
  status: [15, () => ({ message: [2, 'string'], code: [3, 'int'] })],
}
const inScope = (name: string, one: Fields): Fields => ({ scope: [1, () => scope], [name]: [2, () => one] })
const ofResource = (name: string, one: Fields): Fields => ({
  resource: [1, () => resource],
  [name]: [2, () => one],
})

/** The two requests of OTLP, as far as they are sent here (opentelemetry-proto 1.x: `collector/…_service.proto`). */
const request: Fields = {
  resourceMetrics: [1, () => ofResource('scopeMetrics', inScope('metrics', metric))],
  resourceSpans: [1, () => ofResource('scopeSpans', inScope('spans', span))],
}

/** The same as `JSON.stringify`, in protobuf. @throws Error: a field that the tables above do not have */
export function writeProtobuf(message: Message): Buffer {
  return Buffer.concat(piecesOf(message, request))
}

function piecesOf(message: Message, fields: Fields): Buffer[] {
  return Object.entries(message).flatMap(([name, value]) => {
    const [number, kind] = fields[name] ?? []
    if (number === undefined || kind === undefined) throw new Error(`${name} is no field that is sent`)
    if (Array.isArray(value) && (kind === 'double' || kind === 'fixed64'))
      return delimited(number, Buffer.concat(value.map((one) => scalar(kind, one))))
    const values: unknown[] = Array.isArray(value) ? value : [value]
    return values.flatMap((one) => field(number, kind, one))
  })
}

function field(number: number, kind: Scalar | (() => Fields), value: unknown): Buffer[] {
  if (typeof kind === 'function') return delimited(number, Buffer.concat(piecesOf(value as Message, kind())))
  if (kind === 'string' || kind === 'hex') return delimited(number, scalar(kind, value))
  const wire = kind === 'double' || kind === 'fixed64' ? 1 : 0
  return [varint(BigInt((number << 3) | wire)), scalar(kind, value)]
}

function delimited(number: number, bytes: Buffer): Buffer[] {
  return [varint(BigInt((number << 3) | 2)), varint(BigInt(bytes.length)), bytes]
}

function scalar(kind: Scalar, value: unknown): Buffer {
  if (kind === 'string') return Buffer.from(value as string, 'utf8')
  if (kind === 'hex') return Buffer.from(value as string, 'hex')
  if (kind === 'bool') return varint(value === true ? 1n : 0n)
  if (kind === 'int') return varint(BigInt.asUintN(64, BigInt(value as string | number)))
  const bytes = Buffer.alloc(8)
  if (kind === 'double') bytes.writeDoubleLE(value as number)
  else bytes.writeBigUInt64LE(BigInt(value as string))
  return bytes
}

function varint(value: bigint): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  return Buffer.from([...bytes, Number(rest)])
}
