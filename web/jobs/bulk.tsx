import { useState } from 'preact/hooks'
import { counted } from '../parts/count.ts'
import { ApiError, call, type Method } from '../api.ts'
import { Button } from '../parts/button.tsx'
import { Confirm } from '../parts/dialog.tsx'
import { Field } from '../parts/field.tsx'
import { may } from '../session.ts'
import type { Job, Scope } from '../types.ts'

type Action = {
  name: string
  needs: Scope
  method: Method
  path: (id: string) => string
  says: string
  danger?: boolean
}

const actions: readonly Action[] = [
  {
    name: 'Pause',
    needs: 'jobs:write',
    method: 'POST',
    path: (id) => `/api/jobs/${id}/pause`,
    says: 'Their slots are recorded as skipped until they are resumed. Runs that are live go on.',
  },
  {
    name: 'Resume',
    needs: 'jobs:write',
    method: 'POST',
    path: (id) => `/api/jobs/${id}/resume`,
    says: 'Each gets its next slot from its schedule, and its wake-up is armed.',
  },
  {
    name: 'Run',
    needs: 'runs:start',
    method: 'POST',
    path: (id) => `/api/jobs/${id}/run`,
    says: 'Each runs now, beside its schedule.',
  },
  {
    name: 'Delete',
    needs: 'jobs:write',
    method: 'DELETE',
    path: (id) => `/api/jobs/${id}`,
    says: 'Their runs, logs and history are removed with them. This cannot be taken back.',
    danger: true,
  },
]

/** From how many on the number has to be typed, as for each deletion. */
const many = 20
const sideBySide = 6

type BulkProps = { chosen: readonly Job[]; onDone: (told: BulkResult) => void; onClear: () => void }
export type BulkResult = { text: string; failures: readonly string[] }

/** What can be done to the chosen jobs, each after a question that has their number. */
export function Bulk({ chosen, onDone, onClear }: BulkProps) {
  const [asked, ask] = useState<Action | null>(null)
  if (chosen.length === 0) return null
  return (
    <div class="bulk" role="region" aria-label="Chosen jobs">
      <strong class="number">{chosen.length} chosen</strong>
      {actions
        .filter(({ needs }) => may(needs))
        .map((action) => (
          <Button key={action.name} kind={action.danger ? 'danger' : 'usual'} onPress={() => ask(action)}>
            {action.name}
          </Button>
        ))}
      <Button kind="quiet" onPress={onClear}>
        Clear
      </Button>
      {asked && <Ask action={asked} jobs={chosen} onClose={() => ask(null)} onDone={onDone} />}
    </div>
  )
}

type AskProps = {
  action: Action
  jobs: readonly Job[]
  onClose: () => void
  onDone: (told: BulkResult) => void
}

function Ask({ action, jobs, onClose, onDone }: AskProps) {
  const [typed, type] = useState('')
  const count = counted(jobs.length, 'job')
  const isTyped = action.danger === true || jobs.length > many
  const confirm = async () => {
    if (isTyped && typed.trim() !== String(jobs.length))
      throw new ApiError(400, { title: 'Not yet', detail: `Type ${jobs.length} to confirm.`, code: 'COUNT' })
    onDone(await doAll(action, jobs))
  }
  return (
    <Confirm
      title={`${action.name} ${count}?`}
      action={`${action.name} ${count}`}
      danger={action.danger === true}
      onConfirm={confirm}
      onClose={onClose}
    >
      <p>{action.says}</p>
      <ul>
        {jobs.slice(0, 5).map(({ id, name }) => (
          <li key={id}>{name}</li>
        ))}
        {jobs.length > 5 && <li>and {jobs.length - 5} more</li>}
      </ul>
      {isTyped && <Field label={`Type ${jobs.length} to confirm`} value={typed} onInput={type} autoFocus />}
    </Confirm>
  )
}

async function doAll({ name, method, path }: Action, jobs: readonly Job[]): Promise<BulkResult> {
  const left = [...jobs]
  const failures: string[] = []
  const work = async () => {
    for (let job = left.shift(); job; job = left.shift()) {
      const body = method === 'DELETE' ? undefined : {}
      await call(method, path(job.id), body).catch((error: Error) =>
        failures.push(`${job?.name}: ${error.message}`),
      )
    }
  }
  await Promise.all(Array.from({ length: sideBySide }, work))
  const done = jobs.length - failures.length
  return { text: `${name}: ${done} of ${jobs.length} done`, failures }
}
