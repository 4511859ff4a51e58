import type { TSchema } from 'typebox'
import { type ErrorCode, errorTable } from '../../src/ground/errors.ts'
import { type Operation, problem, projectHeader } from '../schemas/index.ts'
import { exampleOf } from './examples.ts'
import { headersOfProblem, headersOfSuccess, withHeaders } from './headers.ts'
import { type Components, type Json, plain } from './plain.ts'
import { tagOf } from './tags.ts'

/** An operation as the document has it. `isApi`: it is one that a key opens. */
export function operationDocument(
  path: string,
  operation: Operation,
  isApi: boolean,
  components: Components,
): Json {
  const { id, scope, summary, body, errors } = operation
  const mayFail: ErrorCode[] = [...errors, ...(isApi ? apiErrors : openErrors)]
  const parameters = parametersOf(operation, isApi)
  return {
    operationId: id,
    tags: [tagOf(path)],
    summary,
    description: descriptionOf(path, operation),
    security: securityOf(path, operation, isApi),
    ...(isApi && { 'x-scope': scope }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: {
        content: json(body, components, exampleOf(id, 'request')),
        required: isRequired(body),
      },
    }),
    responses: {
      ...successesOf(operation, isApi, components),
      ...(path === '/api/cron/fire' && { 200: notAccepted }),
      ...errorAnswers(mayFail, components),
    },
  }
}

function securityOf(path: string, { isOpen }: Operation, isApi: boolean): Json[] {
  if (isApi) return [{ apiKey: [] }, ...(isOpen ? [{}] : [])]
  return path === '/api/cron/fire' ? [{ fireToken: [] }] : []
}

function descriptionOf(path: string, { description, scope, isOpen }: Operation): string {
  const needed = scope
    ? `Needs an API key with the scope \`${scope}\`${isOpen ? ', or none' : ''}.`
    : path === '/api/cron/fire'
      ? 'Needs a token that the timer service has signed.'
      : 'Needs no API key.'
  return description === undefined ? needed : `${description}\n\n${needed}`
}

function successesOf(operation: Operation, isApi: boolean, components: Components): Json {
  const { id, summary, status, madeStatus, answer, otherMedia = [], otherAnswers = {} } = operation
  const content =
    typeof answer === 'string'
      ? Object.fromEntries([answer, ...otherMedia].map((media) => [media, { schema: { type: 'string' } }]))
      : json(answer, components, exampleOf(id, 'answer'))
  const success = (made: boolean) => ({
    description: summary,
    ...withHeaders(headersOfSuccess(operation, { isApi, made })),
    ...(status !== 204 && { content }),
  })
  const others = Object.entries(otherAnswers).map(([other, schema]) => [
    other,
    {
      description: String((schema as Json)['description']),
      ...withHeaders(headersOfSuccess(operation, { isApi, made: false })),
      content: json(schema, components),
    },
  ])
  return {
    [status]: success(madeStatus === undefined),
    ...(madeStatus && { [madeStatus]: success(true) }),
    ...(Object.fromEntries(others) as Json),
  }
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
/** What is no HTTP is refused before a route is looked for. */
const openErrors = ['REQUEST_MALFORMED'] as const
const notAccepted = {
  description: 'Nothing was claimed, and the wake-up is armed',
  ...withHeaders(['X-Request-Id']),
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

function json(schema: TSchema, components: Components, example?: unknown): Json {
  const shown = plain(schema, { components })
  return { 'application/json': { schema: shown, ...(example !== undefined && { example }) } }
}

function parametersOf({ params, query, headers }: Operation, isApi: boolean): Json[] {
  const places = {
    path: properties(params),
    query: properties(query),
    header: { ...headers, ...(isApi && projectHeader) },
  }
  return Object.entries(places).flatMap(([place, schemas]) =>
    Object.entries(schemas).map(([name, schema]) => parameterOf(name, place, schema)),
  )
}

function parameterOf(name: string, place: string, schema: TSchema): Json {
  const shown = plain(schema, { components: new Map(), isRoot: true, keepsDefaults: true }) as Json
  const { description, ...rest } = shown
  return {
    name,
    in: place,
    required: place === 'path',
    ...(typeof description === 'string' && { description }),
    schema: rest,
  }
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
      ...withHeaders(headersOfProblem(status)),
      content: {
        'application/problem+json': {
          schema: plain(problem, { components }),
        },
      },
    },
  ])
  return Object.fromEntries(answers) as Json
}
