import { useState } from 'preact/hooks'
import { ApiError, call } from '../api.ts'
import { Confirm } from '../parts/dialog.tsx'
import { Field } from '../parts/field.tsx'
import { go } from '../router.ts'
import type { Job, Run } from '../types.ts'

type DoProps = { job: Job; onDone: () => Promise<void>; onClose: () => void }

/** Asks for the input of a run, starts it, and goes to it. */
export function RunNow({ job, onClose }: DoProps) {
  const [input, setInput] = useState('')
  const run = async () => {
    const body = input.trim() === '' ? {} : { input: inputOf(input) }
    const { run: started } = await call<{ run: Run }>('POST', `/api/jobs/${job.id}/run`, body)
    go(`/runs/${started.id}`)
  }
  return (
    <Confirm title={`Run ${job.name} now`} action="Run now" onConfirm={run} onClose={onClose}>
      <p>It runs beside its schedule: no slot is used.</p>
      <Field
        label="Input"
        rows={5}
        mono
        value={input}
        onInput={setInput}
        hint="JSON, or a text; empty for none. The action reads it as {{ input }}."
      />
    </Confirm>
  )
}

function inputOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

export function PauseUntil({ job, onDone, onClose }: DoProps) {
  const [until, setUntil] = useState('')
  const [reason, setReason] = useState('')
  const pause = async () => {
    const body = {
      ...(until ? { until: new Date(until).toISOString() } : {}),
      ...(reason.trim() ? { reason: reason.trim() } : {}),
    }
    await call('POST', `/api/jobs/${job.id}/pause`, body)
    await onDone()
  }
  return (
    <Confirm
      title={`Pause ${job.name}`}
      action={until ? 'Pause until then' : 'Pause'}
      onConfirm={pause}
      onClose={onClose}
    >
      <p>Its slots are recorded as skipped until it is resumed. A run that is live goes on.</p>
      <Field
        label="Until"
        type="datetime-local"
        value={until}
        onInput={setUntil}
        hint="in your time; empty: until someone resumes it"
      />
      <Field label="Reason" value={reason} onInput={setReason} hint="for those who find it paused" />
    </Confirm>
  )
}

export function Delete({ job, onClose }: DoProps) {
  const [typed, type] = useState('')
  const remove = async () => {
    if (typed.trim() !== job.name)
      throw new ApiError(400, { title: 'Not yet', detail: 'Type its name to confirm.', code: 'NAME' })
    await call('DELETE', `/api/jobs/${job.id}`)
    go('/jobs')
  }
  return (
    <Confirm
      title={`Delete ${job.name}?`}
      action="Delete the job"
      danger
      onConfirm={remove}
      onClose={onClose}
    >
      <p>
        Its runs, logs and history are removed with it, and its wake-up is cancelled. This cannot be taken
        back.
      </p>
      <Field label={`Type ${job.name} to confirm`} value={typed} onInput={type} autoFocus />
    </Confirm>
  )
}
