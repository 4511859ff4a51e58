import { useMemo, useState } from 'preact/hooks'
import { counted } from '../parts/count.ts'
import { type ApiError, asApiError, call } from '../api.ts'
import { Button } from '../parts/button.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Field } from '../parts/field.tsx'
import { ErrorNotice } from '../parts/notice.tsx'
import type { Job } from '../types.ts'
import { Changes } from './changes.tsx'
import { changesOf, type Editable, editableOf } from './editable.ts'
import { EditForm } from './form.tsx'

type EditProps = { job: Job; onSaved: () => Promise<void>; onClose: () => void }

/** A job as a form or as JSON, both of one draft, over a preview of what saving it changes. */
export function Edit({ job: newest, onSaved, onClose }: EditProps) {
  // The page behind goes on reading the job: what is changed here is the version that was there when this was opened.
  const [job] = useState(newest)
  const before = useMemo(() => editableOf(job), [])
  const [text, setText] = useState(() => JSON.stringify(before, null, 2))
  const [isJson, setJson] = useState(false)
  const [error, setError] = useState<ApiError | null>(null)
  const draft = useMemo(() => parsed(text), [text])
  const changes = typeof draft === 'string' ? [] : changesOf(before, draft)
  const set = (fields: Partial<Editable>) => {
    if (typeof draft !== 'string') setText(JSON.stringify({ ...draft, ...fields }, null, 2))
  }
  const save = async () => {
    try {
      const body = Object.fromEntries(changes.map(({ field, after }) => [field, after]))
      await call('PATCH', `/api/jobs/${job.id}`, body, { 'if-match': `"${job.version}"` })
      await onSaved()
      onClose()
    } catch (caught) {
      setError(asApiError(caught))
    }
  }
  const wrong = (field: string) =>
    error?.detail.errors?.find(({ path }) => path === field || path.startsWith(`${field}.`))?.message ?? null
  return (
    <Dialog title={`Edit ${job.name}`} onClose={onClose} wide>
      <div class="dialog-body">
        <div class="tabs" role="group" aria-label="How to edit">
          <Button pressed={!isJson} onPress={() => setJson(false)} disabled={typeof draft === 'string'}>
            Form
          </Button>
          <Button pressed={isJson} onPress={() => setJson(true)}>
            JSON
          </Button>
        </div>
        {isJson || typeof draft === 'string' ? (
          <Field
            label="The job as JSON"
            value={text}
            onInput={setText}
            rows={18}
            mono
            error={typeof draft === 'string' ? draft : null}
            hint="A field that you remove stays as it is; null gives it its default."
          />
        ) : (
          <EditForm draft={draft} set={set} wrong={wrong} />
        )}
        <Changes job={job} changes={changes} draft={typeof draft === 'string' ? before : draft} />
        <ErrorNotice error={error} />
      </div>
      <footer>
        <Button onPress={onClose}>Cancel</Button>
        <Button kind="main" onPress={save} disabled={changes.length === 0 || typeof draft === 'string'}>
          {changes.length === 0 ? 'Nothing changed' : `Save ${counted(changes.length, 'change')}`}
        </Button>
      </footer>
    </Dialog>
  )
}

/** The draft, or what is wrong with its text. */
function parsed(text: string): Editable | string {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Editable
    return 'A job is an object in braces.'
  } catch (error) {
    return `This is not JSON yet: ${(error as Error).message}`
  }
}
