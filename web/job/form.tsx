import { Field } from '../parts/field.tsx'
import type { Editable } from './editable.ts'

type FormProps = {
  draft: Editable
  set: (fields: Partial<Editable>) => void
  wrong: (field: string) => string | null
}

const overlaps = ['skip', 'queue', 'allow', 'cancel_running']
const catchUps = ['none', 'latest', 'all']

/** The fields that are changed most; JSON has all of them. */
export function EditForm({ draft, set, wrong }: FormProps) {
  const tags = (draft['tags'] as string[] | undefined) ?? []
  const retry = draft['retry'] as { attempts: number } | undefined
  const action = draft['action'] as Record<string, unknown> | undefined
  const timeoutMs = draft['timeout_ms'] as number | null
  const whole = (value: string) => (value.trim() === '' ? null : Number(value))
  return (
    <div class="form-grid">
      <Field label="Name" value={draft.name} onInput={(name) => set({ name })} error={wrong('name')} />
      <Field
        label="Tags"
        value={tags.join(', ')}
        onInput={(text) => set({ tags: text.split(/,\s*/).filter(Boolean) })}
        hint="separated by commas"
        error={wrong('tags')}
      />
      {draft.schedule !== null && (
        <Field
          label="Schedule"
          value={draft.schedule}
          onInput={(schedule) => set({ schedule })}
          hint={
            <>
              <code>every weekday at 9am</code>, <code>every 30m</code>, <code>0 9 * * 1-5</code>
            </>
          }
          error={wrong('schedule')}
        />
      )}
      <Field
        label="Time zone"
        value={draft.timezone}
        onInput={(timezone) => set({ timezone })}
        error={wrong('timezone')}
      />
      {typeof action?.['url'] === 'string' && (
        <Field
          label="URL"
          value={action['url']}
          onInput={(url) => set({ action: { ...action, url } })}
          error={wrong('action')}
        />
      )}
      <Field
        label="Attempts"
        type="number"
        value={String(retry?.attempts ?? 1)}
        onInput={(text) => set({ retry: { ...retry, attempts: Number(text) } })}
        hint="the first one included"
        error={wrong('retry')}
      />
      <Field
        label="Time limit of an attempt, in ms"
        type="number"
        value={timeoutMs === null ? '' : String(timeoutMs)}
        onInput={(text) => set({ timeout_ms: whole(text) })}
        hint="empty: that of the action"
        error={wrong('timeout_ms')}
      />
      <Field
        label="A slot while a run is live"
        value={String(draft['overlap'])}
        onInput={(overlap) => set({ overlap })}
        options={overlaps}
        error={wrong('overlap')}
      />
      <Field
        label="Slots that passed unattended"
        value={String(draft['catch_up'])}
        onInput={(catch_up) => set({ catch_up })}
        options={catchUps}
        error={wrong('catch_up')}
      />
    </div>
  )
}
