import { useMemo, useState } from 'preact/hooks'
import { wrongIn } from '../access/listed.tsx'
import { type ApiError, asApiError, call } from '../api.ts'
import { usePreview } from '../job/changes.tsx'
import { ActionFields, type FormProps } from '../make/action-fields.tsx'
import { type Body, beginning, bodyOf, type Kind, kinds, templates } from '../make/draft.ts'
import { Reading } from '../make/reading.tsx'
import { Try } from '../make/try.tsx'
import { curlOf, yamlOf } from '../make/written.ts'
import { Button } from '../parts/button.tsx'
import { CodeView } from '../parts/code-view.tsx'
import { Empty } from '../parts/empty.tsx'
import { Field } from '../parts/field.tsx'
import { ErrorNotice } from '../parts/notice.tsx'
import { OfDefault } from '../parts/whose.tsx'
import { project } from '../project.ts'
import { PageHead, Panel } from '../parts/panel.tsx'
import { go, query, setQuery } from '../router.ts'
import { may } from '../session.ts'
import type { Job } from '../types.ts'

const here = Intl.DateTimeFormat().resolvedOptions().timeZone

/** A job from what its author types: read while it is typed, tried once, and shown as what else could have made it. */
export function MakePage() {
  if (!may('jobs:write'))
    return (
      <Empty title="This key may not make jobs">
        It needs the scope <code>jobs:write</code>. Sign in with another key.
      </Empty>
    )
  return <Make />
}

function Make() {
  const asked = query.value.get('kind') as Kind
  const [draft, setDraft] = useState(() => beginning(kinds.includes(asked) ? asked : 'http', here))
  const [error, setError] = useState<ApiError | null>(null)
  const [isTrying, setTrying] = useState(false)
  const { body, wrong: unread } = useMemo(() => bodyOf(draft), [draft])
  const { preview, error: notRead } = usePreview(draft.schedule, draft.timezone)
  const refused = wrongIn(error)
  const set = (fields: Partial<typeof draft>) => {
    setDraft((now) => ({ ...now, ...fields }))
    setError(null)
  }
  const choose = (kind: Kind) => {
    setQuery({ kind })
    setDraft((now) => ({ ...beginning(kind, now.timezone), tags: now.tags, deliver: now.deliver }))
    setError(null)
  }
  const make = async () => {
    try {
      const { job } = await call<{ job: Job }>('POST', '/api/jobs', body)
      go(`/jobs/${job.id}`)
    } catch (caught) {
      setError(asApiError(caught))
    }
  }
  const wrong = (field: string) => unread[field] ?? refused(field)
  return (
    <>
      <PageHead title="Make a job" note={project.value ? `in the project ${project.value}` : <OfDefault />} />
      <div class="kinds" role="group" aria-label="What it does">
        {kinds.map((kind) => (
          <button
            key={kind}
            type="button"
            class="kind"
            aria-pressed={draft.kind === kind}
            onClick={() => choose(kind)}
          >
            <strong>{templates[kind].title}</strong>
            <span class="quiet">{templates[kind].says}</span>
          </button>
        ))}
      </div>
      <div class="panels make">
        <Panel title="The job">
          <div class="stack">
            <WhenFields draft={draft} set={set} wrong={wrong} />
            <ActionFields draft={draft} set={set} wrong={wrong} />
            <MoreFields draft={draft} set={set} wrong={wrong} />
            <ErrorNotice error={error} />
            <div class="actions">
              <Button kind="main" onPress={make} disabled={!body || notRead !== null}>
                Make the job
              </Button>
              <Button onPress={() => setTrying(true)} disabled={!body || notRead !== null}>
                Try it once
              </Button>
            </div>
          </div>
        </Panel>
        <div class="stack">
          <Reading schedule={draft.schedule} timezone={draft.timezone} preview={preview} error={notRead} />
          {body && <Equal body={body} />}
        </div>
      </div>
      {isTrying && body && <Try body={body} onClose={() => setTrying(false)} />}
    </>
  )
}

function WhenFields({ draft, set, wrong }: FormProps) {
  return (
    <>
      <Field
        label="When"
        value={draft.schedule}
        onInput={(schedule) => set({ schedule })}
        hint="in words, as cron, as an interval or an instant"
        error={wrong('schedule')}
        isSearch
      />
      <div class="form-grid">
        <Field label="Name" value={draft.name} onInput={(name) => set({ name })} error={wrong('name')} />
        <Field
          label="Time zone"
          value={draft.timezone}
          onInput={(timezone) => set({ timezone })}
          error={wrong('timezone')}
        />
      </div>
    </>
  )
}

function MoreFields({ draft, set, wrong }: FormProps) {
  return (
    <details>
      <summary>Retries, receivers, tags and all the rest</summary>
      <div class="stack">
        <div class="form-grid">
          <Field
            label="Attempts"
            type="number"
            value={draft.attempts}
            onInput={(attempts) => set({ attempts })}
            hint="the first one included"
            error={wrong('retry')}
          />
          <Field
            label="Tell"
            value={draft.deliver}
            onInput={(deliver) => set({ deliver })}
            hint="names of channels; empty: the default ones"
            error={wrong('deliver')}
          />
          <Field
            label="Tags"
            value={draft.tags}
            onInput={(tags) => set({ tags })}
            hint="separated by commas"
            error={wrong('tags')}
          />
        </div>
        <Field
          label="Any other field, as JSON"
          value={draft.more}
          onInput={(more) => set({ more })}
          rows={3}
          mono
          placeholder={'{"overlap": "queue", "timeout_ms": 60000}'}
          error={wrong('more')}
        />
      </div>
    </details>
  )
}

/** What else makes this job. */
function Equal({ body }: { body: Body }) {
  const [isFile, setFile] = useState(false)
  return (
    <Panel title="The same by hand">
      <div class="tabs" role="group" aria-label="Written as">
        <Button pressed={!isFile} onPress={() => setFile(false)}>
          curl
        </Button>
        <Button pressed={isFile} onPress={() => setFile(true)}>
          chronos.yaml
        </Button>
      </div>
      <CodeView
        label={isFile ? 'chronos.yaml' : 'curl'}
        value={isFile ? yamlOf(body) : curlOf(body, location.origin)}
      />
    </Panel>
  )
}
