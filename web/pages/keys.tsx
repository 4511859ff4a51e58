import { useState } from 'preact/hooks'
import { call } from '../api.ts'
import { FormDialog } from '../access/form-dialog.tsx'
import { useList } from '../access/list.ts'
import { Listed } from '../access/listed.tsx'
import { ShownOnce } from '../access/shown-once.tsx'
import { Button } from '../parts/button.tsx'
import { Confirm } from '../parts/dialog.tsx'
import { Empty } from '../parts/empty.tsx'
import { Check, Field } from '../parts/field.tsx'
import { PageHead } from '../parts/panel.tsx'
import { Verdict } from '../parts/verdict.tsx'
import { Whose } from '../parts/whose.tsx'
import { When } from '../parts/when.tsx'
import { choices, isMixed } from '../project.ts'
import type { Answer, Scope } from '../types.ts'

type Key = Answer<'POST /api/keys'>['key']

/** Who may call the API, and for what. */
export function KeysPage() {
  const list = useList<Key>('/api/keys', 'keys')
  const [isMaking, setMaking] = useState(false)
  const [made, setMade] = useState<string | null>(null)
  const [revokes, setRevokes] = useState<Key | null>(null)
  const saved = async (secret: string) => {
    setMade(secret)
    await list.reload()
  }
  return (
    <>
      <PageHead
        title="Keys"
        note="who may call the API and open this page"
        actions={
          <Button kind="main" onPress={() => setMaking(true)}>
            New key
          </Button>
        }
      />
      <Listed
        title="Keys"
        list={list}
        rowKey={({ id }) => id}
        row={(key) => <Row apiKey={key} onRevoke={setRevokes} />}
        empty={
          <Empty title="Only the key of the environment">
            <code>API_KEY</code> of the service may do everything. Make a key for each person and each
            program, with the scopes that it needs, so that one can be taken back without the others.
          </Empty>
        }
      />
      {isMaking && <KeyForm onSaved={saved} onClose={() => setMaking(false)} />}
      {made && (
        <ShownOnce
          title="The new key"
          says="Copy it now: it is stored as a hash, and not shown again."
          secret={made}
          onClose={() => setMade(null)}
        />
      )}
      {revokes && (
        <Confirm
          title={`Revoke ${revokes.name}?`}
          action="Revoke the key"
          danger
          onConfirm={async () => {
            await call('DELETE', `/api/keys/${revokes.id}`)
            await list.reload()
          }}
          onClose={() => setRevokes(null)}
        >
          <p>Whoever uses it is refused from now on, in this page too. This cannot be taken back.</p>
        </Confirm>
      )}
    </>
  )
}

function Row({ apiKey: key, onRevoke }: { apiKey: Key; onRevoke: (key: Key) => void }) {
  const isExpired = key.expires_at !== null && Date.parse(key.expires_at) <= Date.now()
  const stand = key.revoked_at ? 'cancelled' : isExpired ? 'missed' : 'ok'
  return (
    <div class="item">
      <div class="grow">
        <strong>{key.name}</strong>{' '}
        {key.scopes.map((scope) => (
          <span key={scope} class="tag">
            {scope}
          </span>
        ))}
        {key.project === '*' ? <span class="tag">all projects</span> : <Whose project={key.project} />}
        <p class="quiet">
          <code>{key.id}</code>, made <When at={key.created_at} /> by {key.created_by},{' '}
          {key.last_used_at ? (
            <>
              last used <When at={key.last_used_at} relative />
            </>
          ) : (
            'never used'
          )}
          {key.expires_at && !isExpired && (
            <>
              , expires <When at={key.expires_at} />
            </>
          )}
        </p>
      </div>
      {stand === 'ok' ? (
        <Button kind="danger" onPress={() => onRevoke(key)} label={`Revoke ${key.name}`}>
          Revoke
        </Button>
      ) : (
        <span class="quiet">
          <Verdict verdict={stand} /> {key.revoked_at ? 'revoked ' : 'expired '}
          <When at={key.revoked_at ?? key.expires_at} />
        </span>
      )}
    </div>
  )
}

const scopes: readonly { scope: Scope; says: string }[] = [
  { scope: 'jobs:read', says: 'see jobs, runs, logs and channels' },
  { scope: 'jobs:write', says: 'make, change, pause and delete jobs, and see them' },
  { scope: 'runs:start', says: 'run a job now, repeat a run or a message' },
  { scope: 'admin', says: 'everything, also channels, secrets and keys' },
]

type KeyFormProps = { onSaved: (secret: string) => Promise<void>; onClose: () => void }

function KeyForm({ onSaved, onClose }: KeyFormProps) {
  const [name, setName] = useState('')
  const [chosen, setChosen] = useState<readonly Scope[]>(['jobs:read'])
  const [days, setDays] = useState('90')
  const [sees, setSees] = useState('default')
  const send = async () => {
    const lives = days.trim() === '' ? {} : { expires_in_days: Number(days) }
    const answer = await call<Answer<'POST /api/keys'>>('POST', '/api/keys', {
      name,
      scopes: chosen,
      ...(isMixed.value && { project: sees }),
      ...lives,
    })
    await onSaved(answer.secret)
  }
  return (
    <FormDialog title="A new key" action="Make the key" onSend={send} onClose={onClose}>
      {(wrong) => (
        <>
          <Field
            label="Name"
            value={name}
            onInput={setName}
            hint="who or what uses it; the audit shows it"
            error={wrong('name')}
            required
            autoFocus
          />
          {isMixed.value && (
            <Field
              label="Project"
              value={sees}
              onInput={setSees}
              options={[...choices.value, { value: '*', label: 'all projects' }]}
              hint="the only one that it sees"
              error={wrong('project')}
            />
          )}
          <fieldset>
            <legend>Scopes</legend>
            {scopes.map(({ scope, says }) => (
              <Check
                key={scope}
                label={
                  <>
                    <code>{scope}</code> <span class="quiet">{says}</span>
                  </>
                }
                checked={chosen.includes(scope)}
                onChange={(is) =>
                  setChosen((now) => (is ? [...now, scope] : now.filter((one) => one !== scope)))
                }
              />
            ))}
            {wrong('scopes') && <p class="problem">{wrong('scopes')}</p>}
          </fieldset>
          <Field
            label="Expires in days"
            type="number"
            value={days}
            onInput={setDays}
            hint="empty: it does not expire"
            error={wrong('expires_in_days')}
          />
        </>
      )}
    </FormDialog>
  )
}
