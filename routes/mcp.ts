import { createMcpHandler, ResourceNotFoundError, Server } from '@modelcontextprotocol/server'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { allows, type Scope } from '../src/access/keys/index.ts'
import { withEllipsis } from '../src/ground/text.ts'
import { callerOf } from './access.ts'
import { briefJob, briefRun } from './mcp-brief.ts'
import { type Ask, hints, problemWith, type Tool } from './mcp-tool.ts'
import { tools } from './mcp-tools.ts'

const instructions =
  'Chronos runs jobs on schedules. Preview a schedule before you save it, and check a job with validate_only. ' +
  'Credentials belong into secrets, named as {{secrets.NAME}}. explain_job says why something did not run.'

/** Refused by the API: for the agent to read, not a failure of the protocol. */
class Refused extends Error {
  override readonly name = 'Refused'
}

/**
 * One message of an agent, answered whole: nothing is kept between two of them. A tool is one or two calls of the API
 * with the agent's own key, so that checks, limits and the audit log are the same as for everyone.
 */
export function answerMcp(app: FastifyInstance, version: string) {
  return async (request: FastifyRequest): Promise<Response> => {
    const scopes = callerOf(request)?.scopes ?? []
    const handler = createMcpHandler(() => serverFor(scopes, asking(app, request), version))
    const headers = new Headers()
    for (const name of ['accept', 'content-type', 'mcp-protocol-version', 'mcp-method', 'mcp-name'])
      if (typeof request.headers[name] === 'string') headers.set(name, request.headers[name])
    const asked = new Request(`http://localhost${request.url}`, { method: 'POST', headers })
    return handler.fetch(asked, { parsedBody: request.body })
  }
}

function asking(app: FastifyInstance, request: FastifyRequest): Ask {
  const { authorization = '' } = request.headers
  const project = request.headers['chronos-project']
  return async (method, path, body) => {
    const { statusCode, payload, headers } = await app.inject({
      method: method as 'GET',
      url: path,
      headers: { authorization, ...(project !== undefined && { 'chronos-project': project }) },
      ...(body && { payload: body }),
    })
    const isJson = String(headers['content-type']).includes('json')
    const answer = (isJson ? JSON.parse(payload) : { text: payload }) as { [name: string]: unknown }
    // saved, and only the wake-up is not confirmed yet: the agent is not to repeat it
    if (statusCode < 400 || answer['code'] === 'NOT_ARMED') return answer
    const code = String(answer['code'])
    const sentences = [
      `${String(answer['detail'])} (${code})`,
      ...(Object.hasOwn(hints, code) ? [hints[code]] : []),
    ]
    throw new Refused(sentences.join('. '))
  }
}

function serverFor(scopes: readonly Scope[], ask: Ask, version: string): Server {
  const server = new Server(
    { name: 'chronos', title: 'Chronos', version },
    { capabilities: { tools: {}, resources: {} }, instructions },
  )
  const allowed = tools.filter(({ scope }) => allows(scopes, scope))
  server.setRequestHandler('tools/list', () => ({ tools: allowed.map(listed) }))
  server.setRequestHandler('tools/call', async ({ params }) => {
    const tool = allowed.find(({ name }) => name === params.name)
    if (!tool) {
      const names = allowed.map(({ name }) => name).join(', ')
      return refusal(
        `This key has no tool named ${withEllipsis(params.name, 100)}. It has ${names || 'none'}.`,
      )
    }
    const problem = problemWith(tool, params.arguments ?? {})
    if (problem !== null) return refusal(problem)
    try {
      const answer = await tool.call(params.arguments ?? {}, ask)
      return {
        content: [{ type: 'text', text: typeof answer === 'string' ? answer : JSON.stringify(answer) }],
      }
    } catch (error) {
      if (error instanceof Refused) return refusal(error.message)
      throw error
    }
  })
  server.setRequestHandler('resources/list', async () => {
    const { jobs } = await ask('GET', '/api/jobs?state=all&limit=100')
    return { resources: (jobs as { id: string; name: string }[]).map(({ id, name }) => resourceOf(id, name)) }
  })
  server.setRequestHandler('resources/templates/list', () => ({
    resourceTemplates: [
      { uriTemplate: 'chronos://jobs/{id}', name: 'job', mimeType },
      { uriTemplate: 'chronos://runs/{id}', name: 'run', mimeType },
    ],
  }))
  server.setRequestHandler('resources/read', async ({ params: { uri } }) => {
    const [, kind = '', id = ''] = /^chronos:\/\/(jobs|runs)\/([0-9a-f-]{12,36})$/.exec(uri) ?? []
    if (kind === '')
      throw new ResourceNotFoundError(uri, `No resource ${withEllipsis(uri, 100)}. ${resources}`)
    const answer = await ask('GET', `/api/${kind}/${id}`).catch((error: unknown) => {
      throw error instanceof Refused ? new ResourceNotFoundError(uri, error.message) : error
    })
    const body =
      kind === 'jobs' ? briefJob(answer['job'] as object as never) : briefRun(answer['run'] as never)
    return { contents: [{ uri, mimeType, text: JSON.stringify(body) }] }
  })
  return server
}

const resources = 'There are chronos://jobs/{id} and chronos://runs/{id}.'
const mimeType = 'application/json'

function resourceOf(id: string, name: string) {
  return { uri: `chronos://jobs/${id}`, name, mimeType }
}

function refusal(message: string) {
  return { isError: true, content: [{ type: 'text' as const, text: message }] }
}

function listed({ name, description, properties, required, readOnly }: Tool) {
  return {
    ...{ name, description },
    inputSchema: { type: 'object' as const, properties, required },
    annotations: { readOnlyHint: readOnly, destructiveHint: false, openWorldHint: false },
  }
}
