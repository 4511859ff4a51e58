import type { Context } from './context.ts'
import { headersOf, profileOf } from './profile.ts'

/** Hands each message of standard input to `/mcp` of the service, and its answer back: one line each. */
export async function bridge({ io, wished }: Context): Promise<void> {
  const profile = await profileOf(io, wished)
  const { url } = profile
  for await (const line of io.lines()) {
    if (line.trim() === '') continue
    const message = messageIn(line)
    if (message === null) {
      io.out(`${JSON.stringify(errorOf(null, parseError, 'The line is not JSON.'))}\n`)
      continue
    }
    const headers = {
      ...headersOf(profile),
      ...{ 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      ...protocolOf(message),
    }
    const answers = await io
      .fetch(`${url}/mcp`, { method: 'POST', headers, body: line })
      .then(answersIn)
      .catch((error: Error) => `${url} cannot be reached: ${error.message}`)
    if (typeof answers !== 'string') for (const one of answers) io.out(`${one}\n`)
    // a notification has no answer
    else if (message.id !== undefined)
      io.out(`${JSON.stringify(errorOf(message.id, serverError, answers))}\n`)
  }
}

/** Of JSON-RPC. */
const parseError = -32_700
const serverError = -32_000

type Message = { id?: unknown; params?: { protocolVersion?: unknown } }

function messageIn(line: string): Message | null {
  try {
    const message: unknown = JSON.parse(line)
    return typeof message === 'object' ? message : null
  } catch {
    return null
  }
}

function errorOf(id: unknown, code: number, message: string) {
  return { jsonrpc: '2.0', id, error: { code, message } }
}

/** The messages of an answer; a text if the service has refused: why. */
async function answersIn(response: Response): Promise<string[] | string> {
  const text = await response.text()
  const messages = messagesIn(text)
  if (response.ok || text.includes('"jsonrpc"')) return messages
  const detail = /"detail":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1]
  return detail ?? `The service answered ${response.status}.`
}

const revision = 'MCP-Protocol-Version'

/** What a client over HTTP says in a header. */
function protocolOf({ params }: Message): Record<string, string> {
  const found = params?.protocolVersion
  return typeof found === 'string' ? { [revision]: found } : {}
}

/** One JSON text, or server-sent events that hold one each. */
function messagesIn(answer: string): string[] {
  if (!/^(event|data|id|:)/.test(answer)) return answer.trim() === '' ? [] : [answer.trim()]
  return [...answer.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => data)
}
