import { createRequire } from 'node:module'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { once } from 'node:events'
import { buffer } from 'node:stream/consumers'

/** A request as the published definitions read it; in JSON as it came. */
export type Pushed = { path: string; headers: IncomingHttpHeaders; message: Message }
// oxlint-disable-next-line typescript/no-explicit-any
export type Message = any

export type Collector = {
  url: string
  pushed: Pushed[]
  /** What it answers from now on; null: it does not answer at all. */
  answer(status: number | null): void
  close(): Promise<void>
}

type Decoder = {
  decode(bytes: Uint8Array): unknown
  verify(message: object): string | null
  toObject(message: unknown, options: object): object
}
type Root = {
  opentelemetry: { proto: { collector: Record<'metrics' | 'trace', { v1: Record<string, Decoder> }> } }
}

/** What protobufjs made of OpenTelemetry's own .proto files: nothing of it is ours. */
const root = createRequire(import.meta.url)(
  '@opentelemetry/otlp-transformer/build/src/generated/root.js',
) as Root
const { metrics, trace } = root.opentelemetry.proto.collector
const decoders: Record<string, Decoder | undefined> = {
  '/v1/metrics': metrics.v1['ExportMetricsServiceRequest'],
  '/v1/traces': trace.v1['ExportTraceServiceRequest'],
}

/** Takes what is pushed by OTLP over HTTP, and answers 400 to whatever the definitions do not read. */
export async function startCollector(): Promise<Collector> {
  const pushed: Pushed[] = []
  let status: number | null = 200
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    void buffer(request).then((bytes) => {
      if (status === null) return
      try {
        const { headers } = request
        const one: object = { path, headers, message: read(path, headers, bytes) }
        pushed.push(one as Pushed)
        response.writeHead(status).end()
      } catch (error) {
        response.writeHead(400).end(String(error))
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    pushed,
    answer: (next) => void (status = next),
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function read(path: string, headers: IncomingHttpHeaders, bytes: Buffer): unknown {
  const decoder = decoders[path]
  if (!decoder) throw new Error(`${path} is no path of OTLP`)
  if (headers['content-type'] === 'application/json') return JSON.parse(bytes.toString())
  const decoded = decoder.decode(bytes)
  const wrong = decoder.verify(decoded as object)
  if (wrong !== null) throw new Error(wrong)
  return decoder.toObject(decoded, { longs: String, bytes: Buffer, enums: Number })
}
