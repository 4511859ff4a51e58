import { writeFileSync } from 'node:fs'
import { openApiDocument } from '../../routes/openapi/index.ts'

/** docs/routes.md, made from the OpenAPI document that the service answers. Written by `node dev/docs/routes.ts`. */
export function routesPage(): string {
  const document = openApiDocument({ version: '0', metricsHere: true }) as unknown as Document
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
  routes.sort((one, other) => (one.path < other.path ? -1 : Number(one.path > other.path)))
  const grouped = Map.groupBy(routes, ({ operation }) => operation.tags[0])
  const tables = document.tags.flatMap(({ name }) => {
    const rows = (grouped.get(name) ?? []).map(rowOf)
    const intro = intros[name]
    return rows.length === 0
      ? []
      : [[`## ${name}`, '', ...(intro ? [intro, ''] : []), ...head, ...rows, ''].join('\n')]
  })
  return [introduction, ...tables, lists].join('\n')
}

export const routesFile = new URL('../../docs/routes.md', import.meta.url)

type Operation = {
  summary: string
  tags: [tag: string]
  'x-scope'?: string
  security: { apiKey?: []; fireToken?: [] }[]
  parameters?: { name: string; in: string }[]
  requestBody?: { content: { 'application/json': { schema: { $ref?: string; properties?: object } } } }
  responses: Record<string, { description: string }>
}
type Document = { tags: { name: string }[]; paths: Record<string, Record<string, Operation>> }

/** What stands above the table of a tag. */
const intros: { [tag: string]: string } = {
  'Files of jobs': 'See [jobs in a file](jobs-in-a-file.md).',
  Overviews:
    'Of many jobs at once, each one statement. Of single jobs: `/api/jobs/strips` and `/api/jobs/{id}/days`, above.',
  Projects: 'See [projects](projects.md).',
  'For NAS': 'With a fire token, which NAS signs ([security](security.md)).',
  'For targets that report later':
    'At the address that the call carried ([actions](actions.md#targets-that-report-later)); no key.',
  'For agents': 'See [agents](agents.md).',
  'For the page': 'A browser that is signed in sends a cookie instead of a key ([the page](page.md)).',
  'For existing clients': 'See [existing clients](existing-clients.md).',
}

const head = ['| route | does | scope | answers |', '|---|---|---|---|']

/** Errors that every API route may answer: said once, above the tables. */
const common = new Set(['400', '401', '403', '413', '415', '429', '500', '503'])

function rowOf({ path, method, operation }: { path: string; method: string; operation: Operation }): string {
  const needed = operation['x-scope']
  const isOpen = operation.security.some((scheme) => Object.keys(scheme).length === 0)
  const scope = needed === undefined ? '–' : `\`${needed}\`${isOpen ? ', or none' : ''}`
  const answers = Object.entries(operation.responses)
    .filter(([status]) => needed === undefined || !common.has(status))
    .map(([status, { description }]) => {
      const codes = [...description.matchAll(/^([A-Z_]+): /gm)].map(([, code]) => `\`${code}\``)
      return [status, ...codes].join(' ')
    })
  const more = [fieldsOf(operation), parametersOf(operation)].filter(Boolean).join('; ')
  const does = `${operation.summary}${more ? `. ${more}` : ''}`
  return `| \`${method.toUpperCase()} ${path}\` | ${does} | ${scope} | ${answers.join('; ')} |`
}

function parametersOf({ parameters = [] }: Operation): string {
  // what every route has is said once, above
  const everywhere = ['profile', 'Chronos-Project']
  const names = (place: string) =>
    parameters
      .filter((one) => one.in === place && !everywhere.includes(one.name))
      .map(({ name }) => `\`${name}\``)
  const [query, headers] = [names('query'), names('header')]
  return [
    ...(query.length > 0 ? [`Query: ${query.join(', ')}`] : []),
    ...(headers.length > 0 ? [`Header: ${headers.join(', ')}`] : []),
  ].join('; ')
}

function fieldsOf({ requestBody }: Operation): string {
  const fields = Object.keys(requestBody?.content['application/json'].schema.properties ?? {})
  if (fields.length === 0 || fields.length > 8) return ''
  return `Body: ${fields.map((name) => `\`${name}\``).join(', ')}`
}

const introduction = `# Routes

Generated from the OpenAPI document by \`node dev/docs/routes.ts\`; a test compares the two. The document itself, with every
field and its limits, is at \`GET /openapi.json\`.

JSON in both directions. Errors are \`application/problem+json\` with a stable \`code\` ([all codes](errors.md)).
Where a scope is named, send \`Authorization: Bearer <API key>\` ([API keys and scopes](api-keys.md)); a key of all
projects chooses one with the header \`Chronos-Project\` ([projects](projects.md)).
Each of those routes may also answer 400 (invalid input), 401 (no or wrong key), 403 (missing scope), 413 and 415 (body too
large, or not JSON), 429 (rate limit), 500 and 503 (retry).
`

const lists = `## Lists

\`GET /api/jobs\` omits paused and finished jobs, because existing clients expect that. \`hidden\` in the answer is the number of
matching jobs that were omitted. \`state=all\` (or \`include_disabled=true\`) shows every job, \`state=paused\` only paused ones.

\`GET /api/runs\` filters by \`status\` (several states, separated by commas), by \`tag\` of the job, and by \`since\` (inclusive) and
\`until\` (exclusive), which compare with the time of the claim. Each run has the name of its job in \`job_name\`. For example, everything
that failed last night:

    GET /api/runs?status=failed,timed_out,interrupted&since=2026-06-18T20:00:00Z&until=2026-06-19T06:00:00Z

A job with \`tells_nobody: true\` reports its failures to no one. Name a channel in its \`deliver\`, or create a
[default channel](deliveries.md).
`

if (import.meta.main) writeFileSync(routesFile, routesPage())
