import { createHash } from 'node:crypto'
import type { RouteNeeds } from '../needs.ts'
import { jobsFile, type Operation, operations, otherOperations, responseHeaders } from '../schemas/index.ts'
import { operationDocument } from './operation.ts'
import { type Components, type Json, plain } from './plain.ts'
import { tags } from './tags.ts'
import { webhooks } from './webhooks.ts'

export type { Json } from './plain.ts'

/** The document as it is sent, and the tag of these bytes. */
export type OpenApiBytes = { bytes: Buffer; etag: string }

export function openApiBytes(config: Parameters<typeof openApiDocument>[0]): OpenApiBytes {
  return tagged(JSON.stringify(openApiDocument(config)))
}

/** The OpenAPI 3.1 document, made from the schemas that requests are checked against. */
export function openApiDocument({
  version,
  metricsHere,
}: Pick<RouteNeeds['config'], 'version' | 'metricsHere'>): Json {
  const routes: [string, Operation][] = [
    ...Object.entries(operations).filter(([key]) => metricsHere || key !== 'GET /metrics'),
    ...Object.entries(otherOperations),
  ]
  const components: Components = new Map()
  const paths: Record<string, Json> = {}
  for (const [key, operation] of routes) {
    const [method = '', path = ''] = key.split(' ')
    const document = operationDocument(path, operation, key in operations, components)
    paths[path] = { ...paths[path], [method.toLowerCase()]: document }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Chronos',
      version,
      description: 'Cron for machines that are off.',
      contact: { name: 'The people who run this service' },
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'The service that this document came from' }],
    tags: tags.map(({ name, description }) => ({ name, description })),
    paths,
    webhooks: webhooks(components),
    components: {
      schemas: Object.fromEntries(components),
      headers: responseHeaders,
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: keyDescription },
        fireToken: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'A token that the timer service signs for each fire.',
        },
      },
    },
  }
}

/** The JSON Schema of a file of jobs, for editors. */
export function fileSchemaBytes(): OpenApiBytes {
  const components: Components = new Map()
  const schema = plain(jobsFile, { components, isRoot: true, keepsDefaults: true }) as Json
  const document = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...schema,
    $defs: Object.fromEntries(components),
  }
  return tagged(JSON.stringify(document).replaceAll('#/components/schemas/', '#/$defs/'))
}

/** The text, and the tag of its bytes. */
export function tagged(text: string): OpenApiBytes {
  const bytes = Buffer.from(text)
  return { bytes, etag: `"${createHash('sha256').update(bytes).digest('base64url')}"` }
}

const keyDescription =
  'An API key. `x-scope` of an operation is the scope that the key needs; `admin` has all of them, and `jobs:write` has `jobs:read`. The page sends the cookie of `POST /api/session` instead.'
