import { randomUUID } from 'node:crypto'
import { StringDecoder } from 'node:string_decoder'
import type { ActionJob, ActionOutcome, Actions, AttemptLog } from '../actions/index.ts'
import { type Delays, sleep } from '../ground/delays.ts'
import { AppError } from '../ground/errors.ts'
import type { Log } from '../ground/log.ts'

/** What happens in a try. `end`: of the piece, in bytes from the begin of the log. `beat`: nothing was there to be told for a while. */
export type TryEvent =
  | { type: 'log'; attempt: 1; offset: number; end: number; text: string }
  | ({ type: 'end'; durationMs: number } & Pick<
      ActionOutcome,
      'state' | 'error' | 'output' | 'usage' | 'skippedReason'
    >)
  | { type: 'beat' }

/**
 * One attempt of a job that is not stored. Nothing of a try is: no job, no run, no log. So nothing of it is left, whenever its
 * caller or this process goes; and the attempt ends with either.
 */
export type Tries = {
  /** Ends the attempt when `gone` aborts. @throws AppError TRIES_FULL */
  begin(job: ActionJob, gone: AbortSignal): AsyncGenerator<TryEvent>
}

type TriesNeeds = {
  /** Actions that write their log there, and cannot be reported of later. */
  actionsWith: (log: AttemptLog) => Actions
  /** Aborts when the process goes down. */
  leaving: AbortSignal
  delays: Delays
  log: Pick<Log, 'error'>
}

/** Beside the places of runs, which are for what is due. */
const mostAtOnce = 4
/** A log of which the caller has not taken so much is cut from there on. */
const mostUntakenBytes = 1024 * 1024
const beatEveryMs = 15_000

export function createTries({ actionsWith, leaving, delays, log }: TriesNeeds): Tries {
  let underWay = 0

  async function attempt(job: ActionJob, text: Untaken, stop: AbortSignal): Promise<TryEvent> {
    const startedAt = delays.now()
    const run = { id: randomUUID(), slot: null, attempt: 1, fence: 1, trigger: 'manual', input: null }
    const sink: AttemptLog = { write: text.write, end: async () => null }
    const outcome = await actionsWith(sink)
      .run(job, run, stop)
      .catch((error: unknown): ActionOutcome => {
        log.error({ err: error }, 'the action of a try failed with an internal error')
        const message = 'the action failed with an internal error; the log of the service has the details'
        return { state: 'failed', error: { code: 'INTERNAL', message } }
      })
    const { state, error, output, usage, skippedReason } = outcome
    return {
      ...{ type: 'end', state, durationMs: Math.round(delays.now() - startedAt) },
      ...(error && { error }),
      ...(output !== undefined && { output }),
      ...(usage !== undefined && { usage }),
      ...(skippedReason !== undefined && { skippedReason }),
    }
  }

  async function* events(work: Promise<TryEvent>, text: Untaken): AsyncGenerator<TryEvent> {
    let end: TryEvent | null = null
    const ended = work.then((event) => void (end = event))
    for (;;) {
      const isOver: boolean = end !== null
      for (const piece of text.take(isOver)) yield piece
      if (isOver && end) {
        yield end
        return
      }
      const beat = new AbortController()
      const isQuiet = sleep(delays, beatEveryMs, beat.signal).then(() => !beat.signal.aborted)
      const isStill = await Promise.race([ended.then(() => false), text.more().then(() => false), isQuiet])
      beat.abort()
      if (isStill) yield { type: 'beat' }
    }
  }

  return {
    begin(job, gone) {
      if (underWay >= mostAtOnce) {
        const detail = `${underWay} tries are under way in this process, which is the limit. Retry later.`
        throw new AppError('TRIES_FULL', detail, { retryAfterS: 5 })
      }
      underWay += 1
      const stop = new AbortController()
      const end = (code: string, message: string) => () =>
        stop.abort(Object.assign(new Error(message), { code }))
      const [leave, cancel] = [
        end('DRAINING', 'the process shuts down'),
        end('CANCELLED', 'the try was closed'),
      ]
      if (leaving.aborted) leave()
      if (gone.aborted) cancel()
      leaving.addEventListener('abort', leave, { once: true })
      gone.addEventListener('abort', cancel, { once: true })
      const text = createUntaken()
      const work = attempt(job, text, stop.signal).finally(() => {
        underWay -= 1
        leaving.removeEventListener('abort', leave)
      })
      return events(work, text)
    },
  }
}

type Untaken = {
  write(chunk: string | Uint8Array): void
  /** What has come since. Half a character waits for the rest of it, unless this is the end. */
  take(isEnd: boolean): TryEvent[]
  /** Resolves when there is something to take. */
  more(): Promise<void>
}

function createUntaken(): Untaken {
  const decoder = new StringDecoder('utf8')
  let waiting: Buffer[] = []
  let bytes = 0
  let omitted = 0
  let offset = 0
  let wake: (() => void) | null = null

  function piece(text: string): TryEvent[] {
    if (text === '') return []
    const from = offset
    offset += Buffer.byteLength(text)
    return [{ type: 'log', attempt: 1, offset: from, end: offset, text }]
  }

  return {
    write(chunk) {
      const more = Buffer.from(chunk as string)
      if (bytes + more.length > mostUntakenBytes) omitted += more.length
      else {
        waiting.push(more)
        bytes += more.length
      }
      wake?.()
    },
    take(isEnd) {
      const text = decoder.write(Buffer.concat(waiting)) + (isEnd ? decoder.end() : '')
      const cut = omitted > 0 ? `\n[… ${omitted} bytes omitted …]\n` : ''
      waiting = []
      bytes = 0
      omitted = 0
      return piece(text + cut)
    },
    more: () =>
      waiting.length > 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            wake = resolve
          }),
  }
}
