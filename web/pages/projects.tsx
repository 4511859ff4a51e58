import { useState } from 'preact/hooks'
import { FormDialog } from '../access/form-dialog.tsx'
import { Listed } from '../access/listed.tsx'
import { call } from '../api.ts'
import { useLoad } from '../load.ts'
import { Button } from '../parts/button.tsx'
import { counted, countText } from '../parts/count.ts'
import { Confirm } from '../parts/dialog.tsx'
import { Field } from '../parts/field.tsx'
import { PageHead } from '../parts/panel.tsx'
import { Verdict } from '../parts/verdict.tsx'
import { look, type Project, seesAll } from '../project.ts'
import { may } from '../session.ts'
import { askAgain } from '../status.ts'

type Window = { does: 'edit' | 'pause' | 'remove'; project: Project } | { does: 'make' } | null

/** Whose jobs there are, how much of their quotas is used, and the pause of all jobs of one or of everything. */
export function ProjectsPage() {
  const { data, error, reload } = useLoad(() => call<{ projects: Project[] }>('GET', '/api/projects'), [])
  const [open, setOpen] = useState<Window>(null)
  const isAdmin = may('admin')
  const everything = data?.projects.find(({ name }) => name === '*')
  const rows = data?.projects.filter(({ name }) => name !== '*') ?? null
  const changed = async () => {
    await Promise.all([reload(), askAgain()])
  }
  const resume = async ({ name }: Project) => {
    await call('POST', `/api/projects/${name}/resume`, {})
    await changed()
  }
  const close = () => setOpen(null)
  return (
    <>
      <PageHead
        title="Projects"
        note="whose jobs, channels, secrets and keys there are"
        actions={
          isAdmin && (
            <>
              {everything &&
                (everything.paused ? (
                  <Button onPress={() => resume(everything)}>Resume everything</Button>
                ) : (
                  <Button onPress={() => setOpen({ does: 'pause', project: everything })}>
                    Pause everything
                  </Button>
                ))}
              {seesAll.value && (
                <Button kind="main" onPress={() => setOpen({ does: 'make' })}>
                  New project
                </Button>
              )}
            </>
          )
        }
      />
      <Listed
        title="Projects"
        list={{ rows, error, reload, more: null }}
        rowKey={({ name }) => name}
        row={(project) => (
          <Row
            project={project}
            isAllPaused={everything?.paused ?? false}
            onOpen={setOpen}
            onResume={() => resume(project)}
          />
        )}
        empty={null}
      />
      {open?.does === 'make' && <Quotas project={null} onSaved={changed} onClose={close} />}
      {open?.does === 'edit' && <Quotas project={open.project} onSaved={changed} onClose={close} />}
      {open?.does === 'pause' && <Pause project={open.project} onDone={changed} onClose={close} />}
      {open?.does === 'remove' && <Remove project={open.project} onDone={changed} onClose={close} />}
    </>
  )
}

type RowProps = {
  project: Project
  isAllPaused: boolean
  onOpen: (window: Window) => void
  onResume: () => Promise<void>
}

function Row({ project, isAllPaused, onOpen, onResume }: RowProps) {
  const { name, paused } = project
  return (
    <div class="item">
      <div class="grow">
        <strong>{name}</strong> {paused && <Verdict verdict="paused" />}
        <p class="quiet">{usedText(project)}</p>
      </div>
      <div class="actions">
        {seesAll.value && (
          <Button onPress={() => look(name)} label={`Open ${name}`}>
            Open
          </Button>
        )}
        {may('admin') && !isAllPaused && paused && (
          <Button onPress={onResume} label={`Resume ${name}`}>
            Resume
          </Button>
        )}
        {may('admin') && !paused && (
          <Button onPress={() => onOpen({ does: 'pause', project })} label={`Pause ${name}`}>
            Pause
          </Button>
        )}
        {may('admin') && seesAll.value && (
          <Button onPress={() => onOpen({ does: 'edit', project })} label={`Quotas of ${name}`}>
            Quotas
          </Button>
        )}
        {may('admin') && seesAll.value && name !== 'default' && (
          <Button kind="danger" onPress={() => onOpen({ does: 'remove', project })} label={`Remove ${name}`}>
            Remove
          </Button>
        )}
      </div>
    </div>
  )
}

function usedText({ jobs, quotas, runs_this_minute: runs }: Project): string {
  return [
    quotas.jobs === null ? counted(jobs, 'job') : `${countText(jobs)} of ${counted(quotas.jobs, 'job')}`,
    quotas.runs_per_minute !== null &&
      `${countText(runs)} of ${counted(quotas.runs_per_minute, 'run')} this minute`,
    quotas.places !== null && `${counted(quotas.places, 'place')} in each process`,
  ]
    .filter(Boolean)
    .join('; ')
}

const fields = [
  ['jobs', 'Jobs', 'that it may have'],
  ['runs_per_minute', 'Runs in a minute', 'that may begin'],
  ['places', 'Places', 'attempts that a process may make at once'],
] as const

type QuotasProps = { project: Project | null; onSaved: () => Promise<void>; onClose: () => void }

function Quotas({ project, onSaved, onClose }: QuotasProps) {
  const [name, setName] = useState(project?.name ?? '')
  const [texts, setTexts] = useState<Record<string, string>>(() =>
    Object.fromEntries(fields.map(([field]) => [field, String(project?.quotas[field] ?? '')])),
  )
  const send = async () => {
    const quotas = Object.entries(texts).map(([field, text]) => [
      field,
      text.trim() === '' ? null : Number(text),
    ])
    await call('PUT', `/api/projects/${encodeURIComponent(name)}`, Object.fromEntries(quotas))
    await onSaved()
  }
  return (
    <FormDialog
      title={project ? `Quotas of ${project.name}` : 'A new project'}
      action={project ? 'Save the quotas' : 'Make the project'}
      onSend={send}
      onClose={onClose}
    >
      {(wrong) => (
        <>
          {!project && (
            <Field
              label="Name"
              value={name}
              onInput={setName}
              hint="1 to 39 lower-case letters, digits and -"
              error={wrong('name')}
              required
              autoFocus
            />
          )}
          {fields.map(([field, label, says]) => (
            <Field
              key={field}
              label={label}
              type="number"
              value={texts[field] ?? ''}
              onInput={(text) => setTexts((now) => ({ ...now, [field]: text }))}
              hint={`${says}; empty: no limit`}
              error={wrong(field)}
            />
          ))}
        </>
      )}
    </FormDialog>
  )
}

type DoProps = { project: Project; onDone: () => Promise<void>; onClose: () => void }

function Pause({ project: { name }, onDone, onClose }: DoProps) {
  const [reason, setReason] = useState('')
  const pause = async () => {
    await call('POST', `/api/projects/${name}/pause`, reason.trim() ? { reason: reason.trim() } : {})
    await onDone()
  }
  const what = name === '*' ? 'everything' : name
  return (
    <Confirm title={`Pause ${what}?`} action={`Pause ${what}`} danger onConfirm={pause} onClose={onClose}>
      <p>
        No run begins until it is resumed: no slot, no retry, no start by hand. Runs that are live go on, and
        slots that pass are recorded as skipped.
      </p>
      <Field
        label="Reason"
        value={reason}
        onInput={setReason}
        hint="shown to all who find it paused"
        autoFocus
      />
    </Confirm>
  )
}

function Remove({ project: { name }, onDone, onClose }: DoProps) {
  const remove = async () => {
    await call('DELETE', `/api/projects/${name}`)
    await onDone()
  }
  return (
    <Confirm
      title={`Remove ${name}?`}
      action="Remove the project"
      danger
      onConfirm={remove}
      onClose={onClose}
    >
      <p>A project that has a job, a channel, a secret or a key left is not removed.</p>
    </Confirm>
  )
}
