import { useEffect, useState } from 'preact/hooks'
import { ApiError, asApiError, stream } from '../api.ts'
import { Button } from '../parts/button.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { ErrorNotice, Notice } from '../parts/notice.tsx'
import { Verdict } from '../parts/verdict.tsx'
import { Duration } from '../parts/when.tsx'
import { Answer } from '../run/answer.tsx'
import { Growing, type LogLines } from '../run/log-lines.ts'
import { eventsOf, pieceOf } from '../run/log-stream.ts'
import { LogPanel } from '../run/log.tsx'
import type { Run } from '../types.ts'
import type { Body } from './draft.ts'

/** One attempt of a job that is not saved. The service stores nothing of it, and ends it when this window closes. */
export function Try({ body, onClose }: { body: Body; onClose: () => void }) {
  const { log, outcome, error } = useTry(body)
  return (
    <Dialog title={`Try ${body.name}`} onClose={onClose} wide>
      <div class="dialog-body">
        <p role="status">
          {!error && <Verdict verdict={outcome?.state ?? 'running'} />}{' '}
          {outcome && <Duration ms={outcome.duration_ms} />}
        </p>
        <ErrorNotice error={error} />
        {outcome?.error && (
          <Notice kind="error" title={outcome.error.code}>
            {outcome.error.message}
          </Notice>
        )}
        {outcome?.skipped_reason && <Notice title="There was nothing to do">{outcome.skipped_reason}</Notice>}
        <LogPanel log={log} grows />
        {outcome && <Answer run={outcome} />}
        <p class="quiet">
          This runs for real, once, without the schedule and the retries of the job, and tells no one. Nothing
          of it is stored. It ends when you close this.
        </p>
      </div>
      <footer>
        <Button onPress={onClose}>Close</Button>
      </footer>
    </Dialog>
  )
}

type Outcome = Pick<Run, 'output' | 'usage'> & {
  state: string
  duration_ms: number
  error: { code: string; message: string } | null
  skipped_reason: string | null
}
type Tried = { log: LogLines; outcome: Outcome | null; error: ApiError | null }

function useTry(body: Body): Tried {
  const [tried, set] = useState<Tried>({
    ...{ log: { lines: [], bytes: 0, isLive: true, error: null }, outcome: null, error: null },
  })
  useEffect(() => {
    const stop = new AbortController()
    const grown = new Growing()
    let frame = 0
    const draw = (outcome: Outcome | null, error: ApiError | null) => {
      cancelAnimationFrame(frame)
      const isLive = outcome === null && error === null
      // many pieces that come together are drawn once
      frame = requestAnimationFrame(() =>
        set({
          ...{ outcome, error },
          log: { lines: grown.lines.slice(), bytes: grown.bytes, isLive, error: null },
        }),
      )
    }
    const follow = async () => {
      let outcome: Outcome | null = null
      const events = eventsOf(await stream('POST', '/api/tries', { body, signal: stop.signal }))
      for await (const { id, event, data } of events) {
        if (event === 'log') grown.add(pieceOf(id, data))
        else if (event === 'end') outcome = data as Outcome
        draw(outcome, null)
      }
      if (!outcome) throw new ApiError(0, broken)
    }
    follow().catch((caught: unknown) => {
      if (!stop.signal.aborted) draw(null, asApiError(caught))
    })
    return () => {
      cancelAnimationFrame(frame)
      stop.abort()
    }
  }, [])
  return tried
}

const broken = {
  title: 'The try has no end',
  detail: 'The machine went down, or the connection broke, and the attempt was interrupted. Try it again.',
  code: 'TRY_BROKEN',
}
