import { useEffect, useRef, useState } from 'preact/hooks'
import { type ApiError, asApiError, call } from '../api.ts'
import { Button } from '../parts/button.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { ErrorNotice, Notice } from '../parts/notice.tsx'
import { Verdict } from '../parts/verdict.tsx'
import { Duration } from '../parts/when.tsx'
import { Answer } from '../run/answer.tsx'
import { Log } from '../run/log.tsx'
import { liveStates } from '../run/spans.ts'
import type { Job, Run } from '../types.ts'
import type { Body } from './draft.ts'

/**
 * One run of a job that is not saved: a paused copy of it that tells no one is made, run once, and removed when the window
 * closes, with its run.
 */
export function Try({ body, onClose }: { body: Body; onClose: () => void }) {
  const [run, setRun] = useState<Run | null>(null)
  const [error, setError] = useState<ApiError | null>(null)
  const made = useRef<string | null>(null)
  const look = async (id: string) => {
    const found = await call<{ run: Run }>('GET', `/api/runs/${id}`)
    setRun(found.run)
  }
  useEffect(() => {
    const begin = async () => {
      try {
        made.current = await copyOf(body)
        const started = await call<{ run: Run }>('POST', `/api/jobs/${made.current}/run`, {})
        setRun(started.run)
      } catch (caught) {
        setError(asApiError(caught))
      }
    }
    const begun = begin()
    void removeLeft()
    // of a window that is closed the browser still sends this
    const left = () => made.current && removeAtOnce(made.current)
    addEventListener('pagehide', left)
    // also if the page is left while the copy is being made
    return () => {
      removeEventListener('pagehide', left)
      void begun.then(() => made.current && remove(made.current))
    }
  }, [])
  const isLive = run !== null && liveStates.has(run.state)
  return (
    <Dialog title={`Try ${body.name}`} onClose={onClose} wide>
      <div class="dialog-body">
        <p role="status">
          {run ? <Verdict verdict={run.state} /> : !error && 'It is being started …'}{' '}
          {run && !isLive && <Duration ms={run.duration_ms} />}
        </p>
        <ErrorNotice error={error} />
        {run?.error && (
          <Notice kind="error" title={run.error.code}>
            {run.error.message}
          </Notice>
        )}
        {run && <Log runId={run.id} attempts={run.attempt} grows onEnd={() => void look(run.id)} />}
        {run && !isLive && <Answer run={run} />}
        <p class="quiet">
          This runs for real, with a copy of the job that has no schedule and tells nobody. The copy is
          removed when you close this.
        </p>
      </div>
      <footer>
        <Button onPress={onClose}>Close</Button>
      </footer>
    </Dialog>
  )
}

/** By which copies are found that a browser has left behind because it crashed. */
const tag = 'a-try'
const oldMs = 3_600_000

async function removeLeft(): Promise<void> {
  const path = `/api/jobs?state=all&limit=50&tag=${tag}`
  const { jobs } = await call<{ jobs: Job[] }>('GET', path).catch(() => ({ jobs: [] }))
  for (const { id, created_at: at } of jobs) if (Date.parse(at) < Date.now() - oldMs) await remove(id)
}

const remove = (id: string) => call('DELETE', `/api/jobs/${id}`).catch(() => undefined)

function removeAtOnce(id: string): void {
  const headers = { 'x-chronos-page': '1' }
  void fetch(`/api/jobs/${id}`, { method: 'DELETE', headers, keepalive: true }).catch(() => undefined)
}

async function copyOf(body: Body): Promise<string> {
  const copy = {
    ...body,
    name: `${body.name} (a try)`.slice(0, 200),
    deliver: 'none',
    paused: true,
    tags: [tag],
  }
  const { job } = await call<{ job: Job }>('POST', '/api/jobs', { ...copy, retry: { attempts: 1 } })
  return job.id
}
