import type { ComponentChildren } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { counted } from '../parts/count.ts'
import { Button } from '../parts/button.tsx'
import { CopyButton } from '../parts/code-view.tsx'
import { Check, Field } from '../parts/field.tsx'
import { Panel } from '../parts/panel.tsx'
import { type LogLines, useLog } from './log-lines.ts'
import { LogRows } from './log-rows.tsx'

type LogProps = {
  runId: string
  /** How many attempts there are to choose from. */
  attempts: number
  /** The run was at work when its page was opened. */
  grows: boolean
  /** The run is over: the page that shows its state asks again. */
  onEnd: () => void
}

/** What a run writes, as it comes: with a search, and with the newest line in view as long as its reader stays there. */
export function Log({ runId, attempts, grows, onEnd }: LogProps) {
  const [attempt, setAttempt] = useState<number | null>(null)
  const log = useLog(runId, attempt, onEnd)
  return (
    <LogPanel log={log} grows={grows}>
      {/* of a run at work others may follow: their place is there already */}
      {(grows || attempts > 1) && (
        <Field
          label="Attempt"
          hideLabel
          value={attempt === null ? '' : String(attempt)}
          onInput={(value) => setAttempt(value === '' ? null : Number(value))}
          options={[
            { value: '', label: 'Newest attempt' },
            ...Array.from({ length: attempts }, (_, index) => ({
              value: String(index + 1),
              label: `Attempt ${index + 1}`,
            })),
          ]}
        />
      )}
    </LogPanel>
  )
}

type LogPanelProps = { log: LogLines; grows: boolean; children?: ComponentChildren }

/** The lines with their tools; `children` stand beside these. */
export function LogPanel({ log: { lines, bytes, isLive, error }, grows, children }: LogPanelProps) {
  const [wanted, want] = useState('')
  const [follows, setFollows] = useState(true)
  const [at, setAt] = useState(0)
  const hits = useMemo(() => found(lines, wanted), [lines, wanted])
  const current = hits[Math.min(at, hits.length - 1)]
  useEffect(() => setAt(0), [wanted])
  const step = (by: number) => {
    setFollows(false)
    setAt((now) => (Math.min(now, hits.length - 1) + by + hits.length) % hits.length)
  }
  const search = useRef<HTMLDivElement>(null)
  return (
    <Panel
      title="Log"
      note={`${counted(lines.length, 'line')}, ${sizeText(bytes)}${isLive ? ', live' : ''}`}
      actions={lines.length > 0 && <CopyButton text={() => lines.join('\n')} />}
    >
      <div
        class="log-tools"
        ref={search}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || hits.length === 0) return
          event.preventDefault()
          step(event.shiftKey ? -1 : 1)
        }}
      >
        <Field
          label="Search the log"
          hideLabel
          type="search"
          placeholder="Search the log"
          value={wanted}
          onInput={want}
          isSearch
        />
        <span class="quiet when" role="status">
          {wanted &&
            (hits.length === 0 ? 'not found' : `${Math.min(at, hits.length - 1) + 1} of ${hits.length}`)}
        </span>
        <Button label="Match before" disabled={hits.length === 0} onPress={() => step(-1)}>
          ↑
        </Button>
        <Button label="Next match" disabled={hits.length === 0} onPress={() => step(1)}>
          ↓
        </Button>
        <Check label="Follow" checked={follows} onChange={setFollows} />
        {children}
      </div>
      {error && <p class="quiet">{error}</p>}
      {lines.length === 0 ? (
        <p class={grows ? 'log-empty grows quiet' : 'log-empty quiet'}>
          {isLive ? 'Nothing yet: what the attempt writes appears here as it comes.' : 'It wrote nothing.'}
        </p>
      ) : (
        <LogRows
          lines={lines}
          wanted={wanted}
          current={current ?? null}
          follows={follows}
          grows={grows}
          onScrollAway={() => setFollows(false)}
        />
      )}
    </Panel>
  )
}

/** The lines that have the text, whatever its case. */
function found(lines: readonly string[], wanted: string): number[] {
  if (wanted === '') return []
  const small = wanted.toLowerCase()
  const hits: number[] = []
  for (const [index, line] of lines.entries()) if (line.toLowerCase().includes(small)) hits.push(index)
  return hits
}

function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}
