import { bearer, readToken } from '../core/index.ts'
import { failed } from './log.ts'
import { answerOf, relayOf } from './relay.ts'
import type { Env } from './runtime.ts'

export { AgentObject } from './agent.ts'
export { DirectoryObject } from './directory.ts'
export { JobObject } from './job.ts'

/** The relay on Cloudflare: an agent's calls go to the agent's own object, the others are answered here. */
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    try {
      const token = bearer(request)
      const read = token === null ? null : readToken('rat', token)
      if (read && new URL(request.url).pathname.startsWith('/api/agent-cron/'))
        return await env.AGENTS.getByName(read.agentId).fetch(request)
      return await answerOf(await relayOf(env, null), request)
    } catch (error) {
      failed(error)
      return Response.json(
        { error: 'server_error', error_description: 'The relay failed. Try again.' },
        { status: 500 },
      )
    }
  },
}
