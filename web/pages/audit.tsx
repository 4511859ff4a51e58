import { useState } from 'preact/hooks'
import { useList } from '../access/list.ts'
import { Button } from '../parts/button.tsx'
import { counted } from '../parts/count.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Differences } from '../parts/differences.tsx'
import { Empty } from '../parts/empty.tsx'
import { Field } from '../parts/field.tsx'
import { Link } from '../parts/link.tsx'
import { ErrorNotice } from '../parts/notice.tsx'
import { Facts, PageHead, Panel } from '../parts/panel.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Verdict } from '../parts/verdict.tsx'
import { When } from '../parts/when.tsx'
import { isMixed } from '../project.ts'
import { query, setQuery } from '../router.ts'
import type { Answer } from '../types.ts'

type Entry = Answer<'GET /api/audit'>['entries'][number]

const columns: readonly Column<Entry>[] = [
  { key: 'at', title: 'When', width: '150px', cell: ({ at }) => <When at={at} seconds /> },
  { key: 'action', title: 'What', cell: ({ action }) => inWords(action) },
  { key: 'target', title: 'Of what', cell: OfWhat, from: 'tablet' },
  { key: 'fields', title: 'Fields', cell: fieldsOf, from: 'tablet' },
  {
    key: 'project',
    title: 'Project',
    width: '110px',
    cell: ({ project }) => project ?? 'the service',
    from: 'desk',
  },
  { key: 'actor', title: 'Who', width: '130px', cell: Who, from: 'tablet' },
  { key: 'status', title: 'Answer', width: '84px', cell: (entry) => <Status entry={entry} /> },
]

/** Every change that was asked for: who, what, when, and how it was answered. */
export function AuditPage() {
  const [actor, action] = [query.value.get('actor'), query.value.get('action')]
  const { rows, error, reload, more } = useList<Entry>('/api/audit', 'entries', { actor, action })
  const [open, setOpen] = useState<Entry | null>(null)
  return (
    <>
      <PageHead title="Audit" note="every change that was asked for, also those that were refused" />
      <div class="filters two">
        <Field
          label="Action"
          hideLabel
          type="search"
          placeholder="Action, such as changeJob"
          value={action ?? ''}
          onInput={(text) => setQuery({ action: text })}
          isSearch
        />
        <Field
          label="Actor"
          hideLabel
          type="search"
          placeholder="Actor: the id of a key, or API_KEY"
          value={actor ?? ''}
          onInput={(text) => setQuery({ actor: text })}
        />
      </div>
      <ErrorNotice error={error} actions={<Button onPress={reload}>Try again</Button>} />
      {rows && rows.length > 0 && (
        <Panel title="Changes" note="the newest first" flush>
          <Table
            label="Changes, the newest first"
            rows={rows}
            columns={isMixed.value ? columns : columns.filter(({ key }) => key !== 'project')}
            rowKey={({ id }) => String(id)}
            rowHeight={38}
            onOpen={setOpen}
            onEnd={() => void more?.()}
          />
        </Panel>
      )}
      {rows?.length === 0 && (
        <Empty title={actor || action ? 'Nothing was asked for that fits' : 'Nothing has been changed yet'}>
          An action is written as in the API, in full: <code>createJob</code>, <code>changeJob</code>,{' '}
          <code>putSecret</code>.
        </Empty>
      )}
      {open && <Details entry={open} onClose={() => setOpen(null)} />}
    </>
  )
}

/** By name, as it was then; what has none, or only an id that is left of it, as it is. */
function OfWhat({ target, target_name: name }: Entry) {
  return <span title={target ?? undefined}>{name ?? target}</span>
}

function Who({ actor, actor_name: name }: Entry) {
  return name === null ? <code>{actor}</code> : <span title={actor}>{name}</span>
}

function Status({ entry: { status } }: { entry: Entry }) {
  if (status === null) return <Verdict verdict="pending" title="not known" />
  return <span class={status < 400 ? 'verdict good' : 'verdict bad'}>{status}</span>
}

/** Those that differ afterwards; of what was refused, those that were sent. */
function fieldsOf({ changed, fields }: Entry): string {
  return (changed?.map(nameOf) ?? fields ?? []).join(', ')
}

const nameOf = ({ of, field }: NonNullable<Entry['changed']>[number]) => (of ? `${of}: ${field}` : field)

function Changed({ entry: { changed, changed_left_out: more } }: { entry: Entry }) {
  if (!changed) return null
  if (changed.length === 0) return <p class="quiet">It was so already: no field differs.</p>
  return (
    <>
      <Differences
        title="Before and after"
        changes={changed.map((one) => ({ ...one, name: nameOf(one) }))}
        nothing="nothing"
      />
      {more > 0 && <p class="quiet">and {counted(more, 'more field')}, whose values are not kept</p>}
      <p class="quiet">Credentials are masked, and long values are cut.</p>
    </>
  )
}

const inWords = (action: string) => action.replaceAll(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`)

function Details({ entry, onClose }: { entry: Entry; onClose: () => void }) {
  const { target_name: name } = entry
  const isJob = /^[0-9a-f]{12}$/.test(entry.target ?? '') && /job/i.test(entry.action)
  const show = (filter: Parameters<typeof setQuery>[0]) => {
    setQuery(filter)
    onClose()
  }
  return (
    <Dialog title={inWords(entry.action)} onClose={onClose}>
      <div class="dialog-body">
        <Facts
          rows={[
            ['when', <When key="at" at={entry.at} seconds />],
            [
              'who',
              <span key="actor">
                {entry.actor_name} <code>{entry.actor}</code>
              </span>,
            ],
            [
              'of what',
              entry.target && (
                <span key="target">
                  {isJob ? <Link href={`/jobs/${entry.target}`}>{name ?? entry.target}</Link> : name}{' '}
                  {!(isJob && name === null) && <code>{entry.target}</code>}
                </span>
              ),
            ],
            ['answer', entry.status],
            ['fields sent', entry.fields ? entry.fields.join(', ') || 'none' : null],
            ['request', entry.request_id && <code key="request">{entry.request_id}</code>],
          ]}
        />
        <Changed entry={entry} />
        <div class="actions">
          <Button onPress={() => show({ actor: entry.actor })}>All by this key</Button>
          <Button onPress={() => show({ action: entry.action })}>All of this kind</Button>
        </div>
      </div>
    </Dialog>
  )
}
