import { useState } from 'preact/hooks'
import { call } from '../api.ts'
import { FormDialog } from '../access/form-dialog.tsx'
import { useList } from '../access/list.ts'
import { Listed } from '../access/listed.tsx'
import { Button } from '../parts/button.tsx'
import { Confirm } from '../parts/dialog.tsx'
import { Empty } from '../parts/empty.tsx'
import { Field } from '../parts/field.tsx'
import { Notice } from '../parts/notice.tsx'
import { OfDefault } from '../parts/whose.tsx'
import { PageHead } from '../parts/panel.tsx'
import { When } from '../parts/when.tsx'
import { seesAll } from '../project.ts'
import type { Answer } from '../types.ts'

type Secret = Answer<'PUT /api/secrets/{name}'>['secret']
type Rotated = Answer<'POST /api/secrets/rotate'>

/** The names of secrets. Their values are written here, and read nowhere. */
export function SecretsPage() {
  const list = useList<Secret>('/api/secrets', 'secrets')
  const [edits, setEdits] = useState<Secret | 'new' | null>(null)
  const [removes, setRemoves] = useState<Secret | null>(null)
  const [asksRotate, setAsksRotate] = useState(false)
  const [rotated, setRotated] = useState<Rotated | null>(null)
  const rotate = async () => {
    setRotated(await call<Rotated>('POST', '/api/secrets/rotate', {}))
    await list.reload()
  }
  return (
    <>
      <PageHead
        title="Secrets"
        note={<OfDefault>a job reads them as {'{{secrets.NAME}}'}; nothing shows a value again</OfDefault>}
        actions={
          <>
            {seesAll.value && <Button onPress={() => setAsksRotate(true)}>Seal again</Button>}
            <Button kind="main" onPress={() => setEdits('new')}>
              New secret
            </Button>
          </>
        }
      />
      {rotated && <RotatedNotice rotated={rotated} />}
      <Listed
        title="Secrets"
        list={list}
        rowKey={({ name }) => name}
        row={(secret) => (
          <div class="item">
            <div class="grow">
              <code>{secret.name}</code>
              <p class="quiet">
                version {secret.version}, set <When at={secret.updated_at} />, sealed with key {secret.key_id}
              </p>
            </div>
            <div class="actions">
              <Button onPress={() => setEdits(secret)} label={`Give ${secret.name} a new value`}>
                New value
              </Button>
              <Button kind="danger" onPress={() => setRemoves(secret)} label={`Remove ${secret.name}`}>
                Remove
              </Button>
            </div>
          </div>
        )}
        empty={
          <Empty title="No secrets yet">
            Store a token here once, and write <code>{'{{secrets.NAME}}'}</code> in a header, a body or a
            variable of a job. It is filled in when an attempt begins, and removed from every output.
          </Empty>
        }
      />
      {edits && (
        <SecretForm
          secret={edits === 'new' ? null : edits}
          onSaved={list.reload}
          onClose={() => setEdits(null)}
        />
      )}
      {removes && (
        <Confirm
          title={`Remove ${removes.name}?`}
          action="Remove the secret"
          danger
          onConfirm={async () => {
            await call('DELETE', `/api/secrets/${removes.name}`)
            await list.reload()
          }}
          onClose={() => setRemoves(null)}
        >
          <p>A secret that a job mentions is not removed. Channels are not looked at.</p>
        </Confirm>
      )}
      {asksRotate && (
        <Confirm
          title="Seal everything again?"
          action="Seal again"
          onConfirm={rotate}
          onClose={() => setAsksRotate(false)}
        >
          <p>
            What an older encryption key sealed is sealed with the current one, so that the old one can go.
          </p>
        </Confirm>
      )}
    </>
  )
}

function RotatedNotice({ rotated: { key_id: key, resealed, unreadable, left } }: { rotated: Rotated }) {
  const isWhole = unreadable.length === 0 && left === 0
  return (
    <Notice kind={isWhole ? 'good' : 'warning'} title={`${resealed} sealed again with key ${key}`}>
      {unreadable.length > 0 && `No key opens ${unreadable.join(', ')}. `}
      {left > 0 && `${left} changed meanwhile: repeat it.`}
      {isWhole && 'All is sealed with the current key.'}
    </Notice>
  )
}

type SecretFormProps = { secret: Secret | null; onSaved: () => Promise<void>; onClose: () => void }

function SecretForm({ secret, onSaved, onClose }: SecretFormProps) {
  const [name, setName] = useState(secret?.name ?? '')
  const [value, setValue] = useState('')
  const send = async () => {
    await call('PUT', `/api/secrets/${encodeURIComponent(name)}`, { value })
    await onSaved()
  }
  return (
    <FormDialog
      title={secret ? `A new value for ${secret.name}` : 'A new secret'}
      action={secret ? 'Replace the value' : 'Store the secret'}
      onSend={send}
      onClose={onClose}
    >
      {(wrong) => (
        <>
          {!secret && (
            <Field
              label="Name"
              value={name}
              onInput={(text) => setName(text.toUpperCase())}
              hint="capital letters, digits and underscores, such as GITHUB_TOKEN"
              error={wrong('name')}
              mono
              required
              autoFocus
            />
          )}
          <Field
            label="Value"
            type="password"
            value={value}
            onInput={setValue}
            hint="8 characters at least; it is sealed, and not shown again"
            error={wrong('value')}
            autoComplete="new-password"
            required
          />
        </>
      )}
    </FormDialog>
  )
}
