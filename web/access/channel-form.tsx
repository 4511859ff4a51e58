import { useState } from 'preact/hooks'
import { ApiError, call } from '../api.ts'
import { useLoad } from '../load.ts'
import { Check, Field } from '../parts/field.tsx'
import { ErrorNotice } from '../parts/notice.tsx'
import type { Answer } from '../types.ts'
import { FormDialog } from './form-dialog.tsx'
import { channelBody, defaults, readReceivers, type ReceiverField } from './receivers.ts'

export type Channel = Answer<'GET /api/channels/{name}'>['channel']

type ChannelFormProps = {
  /** The channel that is replaced; null: a new one. */
  channel: Channel | null
  /** `secret`: one that was made for it, shown this once. */
  onSaved: (secret: string | null) => Promise<void>
  onClose: () => void
}

/** A channel is written as a whole: what is secret in it was never shown, so it is typed again. */
export function ChannelForm({ channel, onSaved, onClose }: ChannelFormProps) {
  const receivers = useLoad(readReceivers, [], { live: false })
  const [name, setName] = useState(channel?.name ?? '')
  const [type, setType] = useState(channel?.type ?? 'slack')
  const [defaultOn, setDefaultOn] = useState(
    channel?.default_on?.join(',') ?? (channel ? '' : 'failure,recovery'),
  )
  const [values, setValues] = useState<Readonly<Record<string, string>>>({})
  const fields = receivers.data?.get(type) ?? []
  const send = async () => {
    const path = `/api/channels/${encodeURIComponent(name)}`
    const body = bodyOf({ type, fields, values }, defaultOn)
    const answer = await call<Answer<'PUT /api/channels/{name}'>>('PUT', path, body)
    await onSaved(answer.secret ?? null)
  }
  return (
    <FormDialog
      title={channel ? `Replace ${channel.name}` : 'A new channel'}
      action={channel ? 'Replace it' : 'Make the channel'}
      onSend={send}
      onClose={onClose}
    >
      {(wrong) => (
        <>
          {!channel && (
            <Field
              label="Name"
              value={name}
              onInput={setName}
              hint="lower-case letters, digits, - and _; jobs name it in deliver"
              error={wrong('name')}
              required
              autoFocus
            />
          )}
          <Field
            label="Type"
            value={type}
            onInput={setType}
            options={[...(receivers.data?.keys() ?? [type])]}
          />
          <ErrorNotice error={receivers.error} />
          {fields.map((field) => (
            <ReceiverControl
              key={type + field.name}
              field={field}
              value={values[field.name] ?? ''}
              onInput={(value) => setValues((now) => ({ ...now, [field.name]: value }))}
              error={wrong(field.name)}
            />
          ))}
          <Field
            label="Told by default of"
            value={defaultOn}
            onInput={setDefaultOn}
            options={
              defaults.some(({ value }) => value === defaultOn)
                ? defaults
                : [...defaults, { value: defaultOn, label: defaultOn.replaceAll(',', ', ') }]
            }
            hint="of jobs that say nothing of deliveries"
            error={wrong('default_on')}
          />
        </>
      )}
    </FormDialog>
  )
}

function bodyOf(...given: Parameters<typeof channelBody>) {
  try {
    return channelBody(...given)
  } catch (error) {
    const path = String((error as Error).cause)
    const message = `${path}: must be JSON, such as {"authorization": "Bearer …"}`
    throw new ApiError(400, { detail: message, errors: [{ path, message }], code: 'FIELD_INVALID' })
  }
}

type ControlProps = {
  field: ReceiverField
  value: string
  onInput: (value: string) => void
  error: string | null
}

function ReceiverControl({ field, value, onInput, error }: ControlProps) {
  const { kind, label, hint, isRequired, isSecret, options } = field
  const shared = { label, value, onInput, error, hint, required: isRequired }
  if (kind === 'check') {
    const said = hint ? `${label}: ${hint}` : label
    return <Check label={said} checked={value === 'true'} onChange={(is) => onInput(is ? 'true' : '')} />
  }
  if (kind === 'choice')
    return <Field {...shared} options={isRequired ? options : [{ value: '', label: '–' }, ...options]} />
  if (kind === 'long' || kind === 'json') return <Field {...shared} rows={3} mono />
  if (kind === 'number') return <Field {...shared} type="number" />
  return isSecret ? <Field {...shared} type="password" autoComplete="new-password" /> : <Field {...shared} />
}
