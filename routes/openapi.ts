import { createHash } from 'node:crypto'
import type { TSchema } from 'typebox'
import { type ErrorCode, errorTable } from '../src/ground/errors.ts'
import type { RouteNeeds } from './needs.ts'
import { jobsFile, type Operation, operations, otherOperations, problem } from './schemas/index.ts'

type Json = { [member: string]: unknown }

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
  const components = new Map<string, unknown>()
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
      license: { name: 'MIT' },
    },
    paths,
    components: {
      schemas: Object.fromEntries(components),
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: scopesDescription },
        fireToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
      },
    },
  }
}

/** The JSON Schema of a file of jobs, for editors. */
export function fileSchemaBytes(): OpenApiBytes {
  const components = new Map<string, unknown>()
  const schema = plain(jobsFile, components, true) as Json
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

function operationDocument(path: string, operation: Operation, isApi: boolean, components: Components): Json {
  const { id, scope, isOpen, summary, body, status, answer, errors } = operation
  const security = isApi
    ? [{ apiKey: [scope] }, ...(isOpen ? [{}] : [])]
    : path === '/api/cron/fire'
      ? [{ fireToken: [] }]
      : []
  const mayFail: ErrorCode[] = [...errors, ...(isApi ? apiErrors : [])]
  const parameters = parametersOf(operation)
  const success = {
    description: summary,
    ...(operation.status !== 204 && {
      content:
        typeof answer === 'string' ? { [answer]: { schema: { type: 'string' } } } : json(answer, components),
    }),
  }
  return {
    operationId: id,
    summary,
    security,
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { content: json(body, components), required: isRequired(body) } }),
    responses: {
      [status]: success,
      ...(operation.madeStatus && { [operation.madeStatus]: success }),
      ...othersOf(operation, components),
      ...(path === '/api/cron/fire' && { 200: notAccepted }),
      ...errorAnswers(mayFail, components),
    },
  }
}

function othersOf({ otherAnswers = {} }: Operation, components: Components): Json {
  const others = Object.entries(otherAnswers).map(([status, schema]) => [
    status,
    { description: String((schema as Json)['description']), content: json(schema, components) },
  ])
  return Object.fromEntries(others) as Json
}

const apiErrors = [
  'API_KEY_REJECTED',
  'SESSION_REJECTED',
  'SCOPE_MISSING',
  'NOT_FROM_PAGE',
  'RATE_LIMITED',
  'DATABASE_UNAVAILABLE',
  'INTERNAL',
] as const
const scopesDescription =
  'An API key. What is listed with an operation is the scope that the key needs; `admin` has all of them, and `jobs:write` has `jobs:read`. The page sends the cookie of `POST /api/session` instead.'
const notAccepted = {
  description: 'Nothing was claimed, and the wake-up is armed',
  content: {
    'application/json': {
      schema: {
        type: 'object',
        properties: { status: { enum: ['gone', 'inactive', 'not_due', 'duplicate'] } },
        required: ['status'],
      },
    },
  },
}

type Components = Map<string, unknown>

/** A schema with a title stands once, under that name; elsewhere it is referred to. */
function json(schema: TSchema, components: Components): Json {
  return { 'application/json': { schema: plain(schema, components) } }
}

function plain(value: unknown, components: Components, isRoot = false): unknown {
  if (Array.isArray(value)) return value.map((item) => plain(item, components))
  if (typeof value !== 'object' || value === null) return value
  const title = isRoot ? undefined : (value as Json)['title']
  if (typeof title === 'string' && 'type' in value) {
    if (!components.has(title)) {
      components.set(title, null)
      components.set(title, plain(value, components, true))
    }
    return { $ref: `#/components/schemas/${title}` }
  }
  // TypeBox keeps checks that are code under names that begin with ~
  const members = Object.entries(value)
    .filter(([name]) => !name.startsWith('~'))
    .map(([name, item]) => [name === 'x-distinct' ? 'uniqueItems' : name, item] as const)
  return Object.fromEntries(members.map(([name, item]) => [name, plain(item, components)]))
}

function parametersOf({ params, query, headers }: Operation): Json[] {
  const places = { path: properties(params), query: properties(query), header: headers ?? {} }
  return Object.entries(places).flatMap(([place, schemas]) =>
    Object.entries(schemas).map(([name, schema]) => ({
      name,
      in: place,
      required: place === 'path',
      schema: plain(schema, new Map(), true),
    })),
  )
}

function properties(schema: TSchema | undefined): Record<string, TSchema> {
  return schema && 'properties' in schema ? (schema.properties as Record<string, TSchema>) : {}
}

function isRequired(body: TSchema): boolean {
  return 'required' in body && Array.isArray(body.required) && body.required.length > 0
}

function errorAnswers(codes: ErrorCode[], components: Components): Json {
  const byStatus = Map.groupBy(new Set(codes), (code) => errorTable[code].status)
  const answers = [...byStatus].map(([status, some]) => [
    status,
    {
      description: some.map((code) => `${code}: ${errorTable[code].title}`).join('\n\n'),
      content: { 'application/problem+json': { schema: plain(problem, components) } },
    },
  ])
  return Object.fromEntries(answers) as Json
}
