import { EventSourceParserStream } from 'eventsource-parser/stream'
import { ChronosError } from './error.ts'
import { pause } from './transport.ts'

/** A piece of the log of an attempt (`base64`: it is no text), or the end of the run with its state. */
export type RunEvent =
  | { type: 'log'; attempt: number; offset: number; text: string; base64?: undefined }
  | { type: 'log'; attempt: number; offset: number; base64: string; text?: undefined }
  | { type: 'end'; state: string | null }

/** The service says that it is there every 15 s. */
const silentMs = 45_000
const waitMs = 500

type Following = {
  /** Opens the stream behind the event with this id. */
  open: (lastId: string | undefined, signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>
  signal: AbortSignal | undefined
  /** Streams in a row that may break off without an event. */
  retries: number
}

/**
 * The events of a run up to its end. A stream that breaks off is opened again behind the last event, so that none is
 * missed or comes twice: the machine may be switched off between two attempts.
 */
export async function* follow({ open, signal, retries }: Following): AsyncGenerator<RunEvent> {
  let lastId: string | undefined
  for (let broken = 0; broken <= retries; broken++) {
    if (broken > 0) await pause(waitMs * broken, signal)
    const silence = createSilence()
    const either = signal ? AbortSignal.any([signal, silence.signal]) : silence.signal
    try {
      const body = await open(lastId, either)
      for await (const { id, event } of eventsOf(body, silence.heard)) {
        lastId = id ?? lastId
        broken = 0
        yield event
        if (event.type === 'end') return
      }
    } catch (error) {
      signal?.throwIfAborted()
      if (broken === retries || error instanceof ChronosError) throw error
    } finally {
      silence.end()
    }
  }
  throw new Error('The log broke off. Follow it again.')
}

async function* eventsOf(body: ReadableStream<Uint8Array>, heard: () => void) {
  const parser = new EventSourceParserStream({ onComment: heard })
  const text = new TextDecoderStream() as unknown as ReadableWritablePair<string, Uint8Array>
  const reader = body.pipeThrough(text).pipeThrough(parser).getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      heard()
      const { id, event: type, data } = value
      yield { id, event: { type, ...(JSON.parse(data) as object) } as RunEvent }
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}

/** A connection that nothing comes from is as good as broken; TCP alone would notice it much later. */
function createSilence() {
  const controller = new AbortController()
  const give = () => setTimeout(() => controller.abort(new Error('The service is silent')), silentMs)
  let timer = give()
  const end = () => clearTimeout(timer)
  return {
    signal: controller.signal,
    heard() {
      end()
      timer = give()
    },
    end,
  }
}
