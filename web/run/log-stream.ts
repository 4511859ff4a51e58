import { stream } from '../api.ts'

/** `id` is where to go on from after a break. */
export type LogPiece = { id: string; attempt: number; offset: number; text: string }
/** How a stream ended: the run is over, or the connection is. */
export type LogEnd = { isOver: boolean; state: string | null }
type Where = { runId: string; attempt: number | null; after: string | null; signal: AbortSignal }

/**
 * Reads the log of a run as it grows, as server-sent events. `fetch` and not EventSource: the page says of each call that
 * it is the page's, and a broken stream wakes no machine by itself.
 *
 * @throws ApiError
 */
export async function followLog(where: Where, tell: (piece: LogPiece) => void): Promise<LogEnd> {
  const { runId, attempt, after, signal } = where
  const query = attempt === null ? '' : `&attempt=${attempt}`
  const headers = after === null ? {} : { 'last-event-id': after }
  const body = await stream('GET', `/api/runs/${runId}/logs?follow=true${query}`, { headers, signal })
  const end: LogEnd = { isOver: false, state: null }
  for await (const { id, event, data } of eventsOf(body)) {
    if (event === 'log') tell(pieceOf(id, data))
    else if (event === 'end')
      Object.assign(end, { isOver: true, state: (data as { state: string | null }).state })
  }
  return end
}

export function pieceOf(id: string, data: unknown): LogPiece {
  const { attempt, offset, text, base64 } = data as {
    attempt: number
    offset: number
    text?: string
    base64?: string
  }
  const bytes = () => Uint8Array.from(atob(base64 ?? ''), (char) => char.codePointAt(0) ?? 0)
  return { id, attempt, offset, text: text ?? new TextDecoder().decode(bytes()) }
}

type Event = { id: string; event: string; data: unknown }

export async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Event> {
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader()
  let rest = ''
  for (;;) {
    const { value, done } = await reader.read()
    if (done) return
    const blocks = (rest + value).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields = new Map(block.split('\n').map((line) => split(line)))
      const data = fields.get('data')
      if (data) yield { id: fields.get('id') ?? '', event: fields.get('event') ?? '', data: JSON.parse(data) }
    }
  }
}

function split(line: string): [name: string, value: string] {
  const at = line.indexOf(': ')
  return at < 1 ? ['', ''] : [line.slice(0, at), line.slice(at + 2)]
}
