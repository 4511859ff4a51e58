import { sayDistance } from './instant.ts'
import type { PortalCall } from './misbehave.ts'

/** A call that the portal got. `status` null: its answer was lost on purpose. `refusal`: why it was not done. */
export type RequestEntry = {
  kind: 'request'
  at: string
  call: PortalCall | 'unknown'
  agent: string | null
  job_id: string | null
  fire_at: string | null
  schedule_id: string | null
  status: number | null
  refusal: string | null
}

/** A fire that was sent; `copy` counts from 1 and is above 1 for duplicates. */
export type FireEntry = {
  kind: 'fire'
  at: string
  agent: string
  job_id: string
  fire_at: string
  schedule_id: string
  attempt: number
  copy: number
}

/** What became of a fire. `status` null: no answer, for the reason in `error`. `body`: parsed if it was JSON. */
export type AnswerEntry = Omit<FireEntry, 'kind'> & {
  kind: 'answer'
  status: number | null
  error: string | null
  body: unknown
  took_ms: number
}

/** Anything else that happened: a retry planned, a row forgotten, a misbehaviour switched on. */
export type EventEntry = { kind: 'event'; at: string; event: string; job_id: string | null; detail: string }

export type LogEntry = RequestEntry | FireEntry | AnswerEntry | EventEntry
type Bare<Entry> = Entry extends LogEntry ? Omit<Entry, 'at'> : never

export type Log = ReturnType<typeof createLog>

const mostEntries = 10_000

type LogInput = { now: () => number; changed: () => void; print?: ((line: string) => void) | undefined }

/** What happened, oldest first; each entry is also printed as one line. Access tokens are never part of it. */
export function createLog({ now, changed, print }: LogInput) {
  const entries: LogEntry[] = []
  return {
    entries,
    add(bare: Bare<LogEntry>): void {
      const entry: LogEntry = { at: new Date(now()).toISOString(), ...bare }
      entries.push(entry)
      if (entries.length > mostEntries) entries.shift()
      print?.(`${entry.at.slice(11, 23)} ${lineOf(entry, now())}`)
      changed()
    },
  }
}

function lineOf(entry: LogEntry, nowMs: number): string {
  if (entry.kind === 'event')
    return ['  ·', entry.event, entry.job_id, entry.detail].filter(Boolean).join(' ')
  if (entry.kind === 'fire') {
    const copy = entry.copy > 1 ? `, copy ${entry.copy}` : ''
    return `→ fire ${entry.job_id} at ${entry.fire_at} (try ${entry.attempt}${copy})`
  }
  if (entry.kind === 'answer') {
    const word = statusWord(entry.body)
    return `  ← ${entry.job_id} answered ${entry.status ?? entry.error}${word} in ${entry.took_ms} ms`
  }
  const when = entry.fire_at
    ? ` for ${entry.fire_at} (${sayDistance(Date.parse(entry.fire_at) - nowMs)})`
    : ''
  const outcome = entry.status === null ? 'answer lost' : entry.status
  return `← ${entry.call}${entry.job_id ? ` ${entry.job_id}` : ''}${when} ${outcome}${entry.refusal ? ` ${entry.refusal}` : ''}`
}

/** The `status` in the body of an answer, with a space before it. */
function statusWord(body: unknown): string {
  const word: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'status') : undefined
  return typeof word === 'string' ? ` ${word}` : ''
}
