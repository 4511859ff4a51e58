import { useEffect, useRef, useState } from 'preact/hooks'
import { onNews } from '../live.ts'
import { followLog, type LogPiece } from './log-stream.ts'

export type LogLines = {
  lines: readonly string[]
  bytes: number
  /** Following: more may come. */
  isLive: boolean
  error: string | null
}

/** A text that grows, as lines; the last one may still be open. */
export class Growing {
  readonly lines: string[] = []
  bytes = 0
  attempt = 0
  /** Whether the last line may still grow. */
  private isOpen = false

  add({ attempt, text }: LogPiece): void {
    if (attempt !== this.attempt && this.attempt !== 0) this.mark(`── attempt ${attempt} ──`)
    this.attempt = attempt
    this.bytes += text.length
    const [first = '', ...others] = text.split('\n')
    if (this.isOpen) this.lines[this.lines.length - 1] += first
    else this.lines.push(first)
    for (const line of others) this.lines.push(line)
    this.isOpen = this.lines.at(-1) !== ''
    if (!this.isOpen) this.lines.pop()
  }

  private mark(line: string): void {
    this.lines.push(line)
    this.isOpen = false
  }
}

/** The log of an attempt (null: of the newest, and of those that follow), read as it grows. */
export function useLog(runId: string, attempt: number | null, onEnd: () => void): LogLines {
  const [shown, show] = useState<LogLines>({ lines: [], bytes: 0, isLive: true, error: null })
  const ended = useRef(onEnd)
  ended.current = onEnd
  useEffect(() => {
    const stop = new AbortController()
    const grown = new Growing()
    let after: string | null = null
    let frame = 0
    const draw = (isLive: boolean, error: string | null = null) => {
      cancelAnimationFrame(frame)
      // many pieces that come together are drawn once
      frame = requestAnimationFrame(() =>
        show({ lines: grown.lines.slice(), bytes: grown.bytes, isLive, error }),
      )
    }
    const follow = async () => {
      try {
        const { isOver } = await followLog({ runId, attempt, after, signal: stop.signal }, (piece) => {
          after = piece.id
          grown.add(piece)
          draw(true)
        })
        draw(!isOver)
        if (isOver) ended.current()
        else goOn()
      } catch (error) {
        if (stop.signal.aborted) return
        draw(true, (error as Error).message)
        goOn()
      }
    }
    /** The stream broke, perhaps with its machine: the next time that the page may call, it is taken up where it ended. */
    const goOn = () => {
      const forget = onNews(() => {
        forget()
        void follow()
      })
      stop.signal.addEventListener('abort', forget)
    }
    draw(true)
    void follow()
    return () => {
      cancelAnimationFrame(frame)
      stop.abort()
    }
  }, [runId, attempt])
  return shown
}
