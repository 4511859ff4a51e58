import type { Context } from './context.ts'
import { profileOf } from './profile.ts'

/** Hands each message of standard input to `/mcp` of the service, and its answer back: one line each. */
export async function bridge({ io, wished }: Context): Promise<void> {
  const { url, key, project } = await profileOf(io, wished)
  for await (const line of io.lines()) {
    if (line.trim() === '') continue
    const answer = await io
      .fetch(`${url}/mcp`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${key}`,
          ...(project !== undefined && { 'chronos-project': project }),
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...protocolOf(line),
        },
        body: line,
      })
      .then((response) => response.text())
    for (const message of messagesIn(answer)) io.out(`${message}\n`)
  }
}

const revision = 'MCP-Protocol-Version'

/** What a client over HTTP says in a header. */
function protocolOf(line: string): Record<string, string> {
  const { params } = JSON.parse(line) as {
    params?: { protocolVersion?: string; _meta?: Record<string, unknown> }
  }
  const found = params?.protocolVersion
  return typeof found === 'string' ? { [revision]: found } : {}
}

/** One JSON text, or server-sent events that hold one each. */
function messagesIn(answer: string): string[] {
  if (!/^(event|data|id|:)/.test(answer)) return answer.trim() === '' ? [] : [answer.trim()]
  return [...answer.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => data)
}
