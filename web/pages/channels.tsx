import { useState } from 'preact/hooks'
import { ApiError, call } from '../api.ts'
import { type Channel, ChannelForm } from '../access/channel-form.tsx'
import { useList } from '../access/list.ts'
import { Listed } from '../access/listed.tsx'
import { ShownOnce } from '../access/shown-once.tsx'
import { Button } from '../parts/button.tsx'
import { Confirm } from '../parts/dialog.tsx'
import { Empty } from '../parts/empty.tsx'
import { ErrorNotice, Notice } from '../parts/notice.tsx'
import { OfDefault } from '../parts/whose.tsx'
import { PageHead } from '../parts/panel.tsx'
import { Verdict } from '../parts/verdict.tsx'
import { When } from '../parts/when.tsx'
import { may } from '../session.ts'
import type { Answer } from '../types.ts'

/** The places where outcomes are told, and all that can be done with them. */
export function ChannelsPage() {
  const list = useList<Channel>('/api/channels', 'channels')
  const [edits, setEdits] = useState<Channel | 'new' | null>(null)
  const [removes, setRemoves] = useState<Channel | null>(null)
  const [made, setMade] = useState<string | null>(null)
  const isAdmin = may('admin')
  const saved = async (secret: string | null) => {
    setMade(secret)
    await list.reload()
  }
  return (
    <>
      <PageHead
        title="Channels"
        note={<OfDefault>where outcomes are told, each under a name that jobs use</OfDefault>}
        actions={
          isAdmin && (
            <Button kind="main" onPress={() => setEdits('new')}>
              New channel
            </Button>
          )
        }
      />
      <Listed
        title="Channels"
        list={list}
        rowKey={({ name }) => name}
        row={(channel) => (
          <Row channel={channel} onEdit={setEdits} onRemove={setRemoves} onChange={list.reload} />
        )}
        empty={
          <Empty title="No one is told of anything yet">
            A channel is a chat, a mailbox, a webhook or a health check under a name. Make one that is told of
            failures by default, and every job reports its failures there.
          </Empty>
        }
      />
      {edits && (
        <ChannelForm
          channel={edits === 'new' ? null : edits}
          onSaved={saved}
          onClose={() => setEdits(null)}
        />
      )}
      {removes && (
        <Confirm
          title={`Remove ${removes.name}?`}
          action="Remove the channel"
          danger
          onConfirm={async () => {
            await call('DELETE', `/api/channels/${removes.name}`)
            await list.reload()
          }}
          onClose={() => setRemoves(null)}
        >
          <p>Messages that wait for it fail. A channel that a job names is not removed.</p>
        </Confirm>
      )}
      {made && (
        <ShownOnce
          title="The secret of the webhook"
          says="Its receiver verifies messages with this. It is sealed, and not shown again."
          secret={made}
          onClose={() => setMade(null)}
        />
      )}
    </>
  )
}

type RowProps = {
  channel: Channel
  onEdit: (channel: Channel) => void
  onRemove: (channel: Channel) => void
  onChange: () => Promise<void>
}

function Row({ channel, onEdit, onRemove, onChange }: RowProps) {
  const { name, type, default_on: told, disabled_at: off, last_error: error } = channel
  const stand = off ? 'paused' : error ? 'failing' : 'ok'
  return (
    <>
      <div class="item">
        <div class="grow">
          <strong>{name}</strong> <span class="tag">{type}</span>
          <p class="quiet">
            {summaryText(channel.summary)}
            {told ? `; told by default of ${told.join(', ')}` : '; told by jobs that name it'}
          </p>
        </div>
        <Verdict verdict={stand} />
        {may('admin') && (
          <div class="actions">
            <Test name={name} onDone={onChange} />
            <Button onPress={() => onEdit(channel)} label={`Replace ${name}`}>
              Replace
            </Button>
            <Button kind="danger" onPress={() => onRemove(channel)} label={`Remove ${name}`}>
              Remove
            </Button>
          </div>
        )}
      </div>
      {off && (
        <p class="problem">
          Switched off <When at={off} relative />: {channel.disabled_reason}. A test that arrives switches it
          on.
        </p>
      )}
      {error && (
        <p class="problem">
          The last message did not arrive (<When at={channel.last_error_at} relative />
          ): {error}
        </p>
      )}
    </>
  )
}

/** A test message; what came of it stands beside the button. */
function Test({ name, onDone }: { name: string; onDone: () => Promise<void> }) {
  const [result, setResult] = useState<Answer<'POST /api/channels/{name}/test'> | null>(null)
  const [error, setError] = useState<ApiError | null>(null)
  const test = async () => {
    try {
      setResult(await call('POST', `/api/channels/${name}/test`, {}))
      setError(null)
      await onDone()
    } catch (caught) {
      setError(caught instanceof ApiError ? caught : null)
    }
  }
  return (
    <>
      {result && (
        <Notice
          kind={result.delivered ? 'good' : 'error'}
          title={result.delivered ? 'The test arrived' : 'The test did not arrive'}
        >
          {result.error && `${result.error.code}: ${result.error.message}`}
        </Notice>
      )}
      <ErrorNotice error={error} />
      <Button onPress={test} label={`Send a test to ${name}`}>
        Send a test
      </Button>
    </>
  )
}

/** `host mail.example.com, port 587`. */
function summaryText(summary: unknown): string {
  if (summary === null) return 'sealed with a key that is not configured here'
  return Object.entries(summary as Record<string, string | number | boolean | null | string[]>)
    .filter(([, value]) => value !== null && value !== false && value !== '')
    .map(
      ([name, value]) => `${name.replaceAll('_', ' ')} ${value === true ? 'yes' : [value].flat().join(', ')}`,
    )
    .join('; ')
}
