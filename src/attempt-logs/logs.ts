import { isUtf8 } from 'node:buffer'
import { DatabaseUnavailable, type LogStore, type StoredLog } from '../../db/index.ts'
import { fieldRefused } from '../ground/errors.ts'
import { notFound } from '../ground/not-found.ts'
import { piecesFrom, wholeLog } from './text.ts'
import { sleep, type Delays } from '../ground/delays.ts'

/** The logs of attempts: read and followed. Loaded on first use; `openSink` writes them. */
export type Logs = {
  /**
   * The log of an attempt, null: of the newest. Both ends of it, and how many bytes there were in all.
   *
   * @throws AppError RUN_NOT_FOUND; FIELD_INVALID: the run has no such attempt
   */
  read(runId: string, attempt: number | null): Promise<ReadLog>
  /**
   * A log as it grows, from `from` on, and then those of the attempts that follow; of the one that is named only.
   * Ends with the run or the attempt, with `signal`, and where the process goes down.
   *
   * @throws AppError as `read`, before the first event
   */
  follow(runId: string, from: From, signal: AbortSignal): Promise<AsyncGenerator<LogEvent>>
}

export type ReadLog = { attempt: number; total: number; body: Buffer; isText: boolean }

/** `isOnly`: attempts that follow are of no interest. */
type From = { attempt: number | null; offset: number; isOnly: boolean }

/** `beat`: nothing was there to be told for a while. `state` null: the run was removed. */
export type LogEvent =
  | { type: 'log'; attempt: number; offset: number; end: number; text: string }
  | { type: 'log'; attempt: number; offset: number; end: number; base64: string }
  | { type: 'end'; state: string | null }
  | { type: 'beat' }

type LogsNeeds = {
  store: LogStore
  delays: Delays
  isDraining: () => boolean
}

const lookEveryMs = 500
const beatEveryMs = 15_000

export function createLogs({ store, delays, isDraining }: LogsNeeds): Logs {
  async function lookAt(runId: string, attempt: number | null, from: number): Promise<StoredLog> {
    const stored = await store.read(runId, attempt, from)
    if (!stored) throw notFound('run', runId)
    if (attempt === null || attempt <= stored.run.attempt) return stored
    throw fieldRefused('attempt', `must be from 1 to ${stored.run.attempt}, not ${attempt}`)
  }

  async function* events(
    runId: string,
    first: StoredLog,
    { attempt: asked, offset: from, isOnly }: From,
    signal: AbortSignal,
  ): AsyncGenerator<LogEvent> {
    let attempt = asked ?? first.run.attempt
    let offset = from
    let saidAt = delays.now()
    for (
      let stored: StoredLog | null | undefined = first;
      ;
      stored = await lookAgain(runId, attempt, offset)
    ) {
      if (stored === null) {
        yield { type: 'end', state: null }
        return
      }
      const isNext = stored !== undefined && stored.run.attempt > attempt
      const isOver = stored !== undefined && (stored.run.isFinished || isNext)
      for (const piece of stored ? piecesFrom(stored, offset, isOver) : []) {
        offset = piece.offset + piece.bytes.length
        saidAt = delays.now()
        yield eventOf(attempt, piece.offset, piece.bytes)
      }
      if (isNext && !isOnly) {
        attempt += 1
        offset = 0
        continue
      }
      if (stored && isOver) {
        yield { type: 'end', state: stored.run.state }
        return
      }
      if (delays.now() - saidAt >= beatEveryMs) {
        saidAt = delays.now()
        yield { type: 'beat' }
      }
      await sleep(delays, lookEveryMs, signal)
      if (signal.aborted || isDraining()) return
    }
  }

  /** Undefined: Postgres does not answer for the moment. */
  async function lookAgain(
    runId: string,
    attempt: number,
    offset: number,
  ): Promise<StoredLog | null | undefined> {
    try {
      return await store.read(runId, attempt, offset)
    } catch (error) {
      if (error instanceof DatabaseUnavailable) return undefined
      throw error
    }
  }

  return {
    async read(runId, attempt) {
      const stored = await lookAt(runId, attempt, 0)
      return { attempt: attempt ?? stored.run.attempt, total: stored.total, ...wholeLog(stored) }
    },
    async follow(runId, from, signal) {
      return events(runId, await lookAt(runId, from.attempt, from.offset), from, signal)
    },
  }
}

function eventOf(attempt: number, offset: number, bytes: Buffer): LogEvent {
  const at = { type: 'log', attempt, offset, end: offset + bytes.length } as const
  return isUtf8(bytes) ? { ...at, text: bytes.toString() } : { ...at, base64: bytes.toString('base64') }
}
