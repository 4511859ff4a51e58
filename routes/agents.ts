import type { FastifyInstance } from 'fastify'
import type { On } from './api.ts'
import type { RouteNeeds } from './needs.ts'

/** `/mcp`: the SDK is loaded with the first message of an agent. */
export function agentRoutes(on: On, scope: FastifyInstance, { config }: Pick<RouteNeeds, 'config'>): void {
  on('POST /mcp', async (_input, request, reply) => {
    const { answerMcp } = await import('./mcp.ts')
    const answer = await answerMcp(scope, config.version)(request)
    reply.code(answer.status)
    // the connection is between the client and this process, and may be asked to close
    for (const [name, value] of answer.headers) if (name !== 'connection') reply.header(name, value)
    return reply.send(Buffer.from(await answer.arrayBuffer()))
  })
}
