import type { Schema } from './schema.ts'

export type Parameter = { name: string; in: 'path' | 'query' | 'header'; schema: Schema }
export type Operation = {
  /** `GET /api/jobs/{id}` */
  key: string
  method: string
  path: string
  who: 'apiKey' | 'fireToken' | 'anybody'
  parameters: Parameter[]
  body: Schema | null
}
export type Description = { operations: Operation[]; components: Record<string, Schema> }

type Document = {
  paths: Record<string, Record<string, Described>>
  components: { schemas: Record<string, Schema> }
}
type Described = {
  security: Record<string, unknown>[]
  parameters?: Parameter[]
  requestBody?: { content: Record<string, { schema: Schema }> }
}

/** Things that are there while a group is played, by the beginning of the path in which they are named. */
const livingThings: [path: string, parameter: string, kind: string][] = [
  ['/api/jobs/{id}', 'id', 'job'],
  // the id of a job is a text that may be a key as well
  ['/api/jobs/by-key/{key}', 'key', 'job'],
  ['/api/runs/{id}', 'id', 'run'],
  ['/api/runs/{id}/deliveries/{delivery}', 'delivery', 'delivery'],
  ['/api/keys/{id}', 'id', 'key'],
  ['/api/channels/{name}', 'name', 'channel'],
  ['/api/secrets/{name}', 'name', 'secret'],
  // one that has no jobs: what a group pauses, the next one would find paused
  ['/api/projects/{name}', 'name', 'project'],
  ['/api/callbacks/{token}', 'token', 'callback'],
]

/** @throws Error: an operation has something that requests cannot be generated for */
export function readDescription(document: unknown): Description {
  const { paths, components } = document as Document
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) =>
      readOperation(method.toUpperCase(), path, described),
    ),
  )
  return { operations, components: components.schemas }
}

function readOperation(method: string, path: string, described: Described): Operation {
  const key = `${method} ${path}`
  const { security, parameters = [], requestBody } = described
  const [type, ...more] = Object.keys(requestBody?.content ?? {})
  if (more.length > 0 || (type !== undefined && type !== 'application/json'))
    throw missing(key, `a body of ${[type, ...more].join(', ')}`)
  for (const name of path.match(/(?<=\{)[^}]+/g) ?? []) livingThing(path, name)
  for (const { in: place } of parameters)
    if (!['path', 'query', 'header'].includes(place)) throw missing(key, `a parameter in ${place}`)
  const ways = security.flatMap((way) => Object.keys(way))
  const who = ways[0] ?? 'anybody'
  if (who !== 'apiKey' && who !== 'fireToken' && who !== 'anybody')
    throw missing(key, `the security scheme ${who}`)
  return {
    key,
    method,
    path,
    who,
    parameters,
    body: type === undefined ? null : (requestBody?.content[type]?.schema ?? null),
  }
}

/** What stands for a parameter of a path. @throws Error: nothing does */
export function livingThing(path: string, parameter: string): string {
  const found = livingThings.find(([start, name]) => name === parameter && path.startsWith(start))
  if (found) return found[2]
  throw missing(path, `the path parameter {${parameter}}`)
}

function missing(key: string, what: string): Error {
  return new Error(`dev/fuzz generates nothing for ${what} of ${key}`)
}
