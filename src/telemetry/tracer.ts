export type Attributes = Readonly<Record<string, string | number | boolean | null | undefined>>

export type SpanWish = { name: string; kind: 'internal' | 'server' | 'client'; attributes: Attributes }

/** A step that has ended. Ids are hexadecimal; times are those of the process' clock, since 1970. */
export type Span = SpanWish & {
  traceId: string
  id: string
  parentId: string | null
  startMs: number
  endMs: number
  /** Why it failed; null: it did not. */
  failure: string | null
}

/** Adds to the span of the work; `failure`: it failed although it throws nothing. */
export type Note = (attributes: Attributes, failure?: string) => void

/** Tells what took how long, and what belonged to what. */
export type Tracer = {
  /** False: nothing that it is told is kept, so nothing has to be made ready for it. */
  isOn: boolean
  /** Does `work` as a step of the one that it is called in. */
  during<T>(wish: SpanWish, work: (note: Note) => Promise<T>): Promise<T>
  /** A step that has ended right now. */
  note(wish: SpanWish, tookMs: number): void
  /** The current step, as W3C's `traceparent` names it; null: there is none. */
  parent(): string | null
  /** The spans that have ended since the last call. */
  take(): Span[]
}

const noNote: Note = () => {}

/** Traces are off: nothing is made, and nothing is loaded. */
export const noTracer: Tracer = {
  isOn: false,
  during: (_wish, work) => work(noNote),
  note() {},
  parent: () => null,
  take: () => [],
}
