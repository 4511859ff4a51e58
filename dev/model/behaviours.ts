import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Asked, usageOf, words } from './answer.ts'

/** How calls are answered. What is not given is as a good server has it. */
export type ModelBehaviour = {
  does: BehaviourName
  /** The answer; default: what the last message asked. */
  text?: string
  /** `status`: the status, default 500. */
  value?: number
  headers?: Record<string, string>
  /** `status`, `wrong_type`, `raw`: the body. */
  body?: string
  /** Milliseconds between two pieces of a stream; default 0. */
  gapMs?: number
  finishReason?: string
  /** False: no usage is told, even if it is asked for. */
  usage?: boolean
  /** After so many calls the server is a good one again; default: never. */
  times?: number
}

export type BehaviourName = keyof typeof behaviours

export type Exchange = {
  request: IncomingMessage
  response: ServerResponse
  asked: Asked
  behaviour: ModelBehaviour
}

export const behaviours = {
  /** Answers as it was asked to: streamed or whole. */
  async answer(exchange: Exchange) {
    if (!exchange.asked.stream) return sendWhole(exchange)
    await stream(exchange, words(textOf(exchange)))
    sendEnd(exchange)
  },
  /** Answers whole, though it was asked for a stream: some servers know no other way. */
  whole: sendWhole,
  /** Takes the call and never answers. */
  hang() {},
  /** Streams the beginning of the answer, and then nothing more. */
  async stall(exchange: Exchange) {
    await stream(exchange, words(textOf(exchange)).slice(0, 2))
  },
  /** Says in comments that it is alive for ever, and never begins. */
  async heartbeats({ response, behaviour }: Exchange) {
    begin(response, behaviour)
    while (!response.destroyed) {
      response.write(': still thinking\n\n')
      await sleep(behaviour.gapMs ?? 50, undefined, { ref: false })
    }
  },
  /** Cuts the connection within the stream. */
  async cut(exchange: Exchange) {
    await stream(exchange, words(textOf(exchange)).slice(0, 2))
    // what was written before has to have left first
    exchange.response.write(': cut\n\n', () => exchange.request.socket.destroy())
  },
  /** Ends the stream in order, but before the answer is over. */
  async unfinished(exchange: Exchange) {
    await stream(exchange, words(textOf(exchange)).slice(0, 2))
    exchange.response.end()
  },
  /** Streams what is not JSON. */
  garbage({ response, behaviour }: Exchange) {
    begin(response, behaviour)
    response.end('data: {"choices":[{"delta":\n\n')
  },
  /** An answer without any text in it. */
  async empty(exchange: Exchange) {
    await behaviours.answer({ ...exchange, behaviour: { ...exchange.behaviour, text: '' } })
  },
  /** 429, with `Retry-After: 7` unless told otherwise. */
  limit({ response, behaviour }: Exchange) {
    const headers = { 'retry-after': '7', ...behaviour.headers }
    sendError(response, 429, headers, { message: 'Too many requests', code: 'rate_limit_exceeded' })
  },
  /** An error status. */
  status({ response, behaviour: { value = 500, headers = {}, body } }: Exchange) {
    if (body === undefined) return sendError(response, value, headers, { message: 'No', code: 'refused' })
    response.writeHead(value, headers).end(body)
  },
  /** 200 with a page of HTML, as a login page or a proxy gives. */
  wrong_type({ response, behaviour: { body = '<html>Sign in</html>' } }: Exchange) {
    response.writeHead(200, { 'content-type': 'text/html' }).end(body)
  },
  /** Whatever bytes are given, as a stream of events. */
  raw({ response, behaviour }: Exchange) {
    begin(response, behaviour)
    response.end(behaviour.body ?? '')
  },
  /** An error in the middle of a stream that began well. */
  async fail_midway(exchange: Exchange) {
    await stream(exchange, words(textOf(exchange)).slice(0, 2))
    send(exchange.response, { error: { message: 'The engine fell over', code: 'server_error' } })
    exchange.response.end()
  },
  /** A stream of text that never ends. */
  flood(exchange: Exchange) {
    const { response } = exchange
    begin(response, exchange.behaviour)
    const piece = `data: ${JSON.stringify(chunk(exchange, { content: 'x'.repeat(16_384) }, null))}\n\n`
    Readable.from(endless(piece)).pipe(response)
  },
  /** One event that never ends. */
  endless_line({ response, behaviour }: Exchange) {
    begin(response, behaviour)
    response.write('data: ')
    Readable.from(endless('x'.repeat(65_536))).pipe(response)
  },
} satisfies Record<string, (exchange: Exchange) => void | Promise<void>>

function* endless(piece: string) {
  for (;;) yield piece
}

function textOf({ asked, behaviour }: Exchange): string {
  return behaviour.text ?? `You asked: ${asked.text}`
}

function begin(response: ServerResponse, { headers }: ModelBehaviour): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', ...headers })
  response.flushHeaders()
}

async function stream(exchange: Exchange, pieces: string[]): Promise<void> {
  const { response, behaviour } = exchange
  begin(response, behaviour)
  send(response, chunk(exchange, { role: 'assistant', content: '' }, null))
  for (const piece of pieces) {
    if (behaviour.gapMs) await sleep(behaviour.gapMs)
    send(response, chunk(exchange, { content: piece }, null))
  }
}

function sendEnd(exchange: Exchange): void {
  const { response, asked, behaviour } = exchange
  send(response, chunk(exchange, {}, behaviour.finishReason ?? 'stop'))
  const usage = usageOf(asked, textOf(exchange))
  if (asked.includeUsage && behaviour.usage !== false) send(response, { ...head(asked), choices: [], usage })
  response.end('data: [DONE]\n\n')
}

function sendWhole(exchange: Exchange): void {
  const { response, asked, behaviour } = exchange
  const content = textOf(exchange)
  const body = {
    ...head(asked),
    object: 'chat.completion',
    choices: [
      { index: 0, message: { role: 'assistant', content }, finish_reason: behaviour.finishReason ?? 'stop' },
    ],
    ...(behaviour.usage === false ? {} : { usage: usageOf(asked, content) }),
  }
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function chunk({ asked }: Exchange, delta: object, finishReason: string | null): object {
  return { ...head(asked), choices: [{ index: 0, delta, finish_reason: finishReason }] }
}

function head({ model }: Asked): object {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1_790_000_000,
    model: `${model}-local`,
  }
}

function send(response: ServerResponse, event: object): void {
  response.write(`data: ${JSON.stringify(event)}\n\n`)
}

function sendError(response: ServerResponse, status: number, headers: Record<string, string>, error: object) {
  const type = { 'content-type': 'application/json' }
  response.writeHead(status, { ...type, ...headers }).end(JSON.stringify({ error }))
}
