import { call } from '../api.ts'
import { useLoad } from '../load.ts'
import { CodeView } from '../parts/code-view.tsx'
import { Empty } from '../parts/empty.tsx'
import { Link } from '../parts/link.tsx'
import { Facts, Panel } from '../parts/panel.tsx'
import { When } from '../parts/when.tsx'
import { may } from '../session.ts'
import type { Answer as AnswerOf, Run } from '../types.ts'

/** What the run was asked to do: the action of its job, filled in as for its newest attempt. */
export function Request({ run }: { run: Run }) {
  const { data, error } = useLoad(
    () => call<Asked>('GET', `/api/runs/${run.id}/request`),
    [run.id, run.attempt],
    { live: false },
  )
  const { type, headers, body, form, ...rest } = data?.action ?? {}
  const rows = Object.entries(rest).map(
    ([name, value]) => [name, <code key={name}>{written(value)}</code>] as const,
  )
  return (
    <Panel title="Request" note={data ? noteOf(data) : error?.code === 'JOB_NOT_FOUND' && 'its job is gone'}>
      {data && (
        <Facts rows={[['action', (type as string | undefined) ?? '–'], ...rows, ['prompt', data.prompt]]} />
      )}
      {headers !== undefined && <CodeView label="headers" value={headers} />}
      {(body ?? form) !== undefined && (
        <CodeView label={body === undefined ? 'form' : 'body'} value={body ?? form} />
      )}
      {run.input !== null && <CodeView label="input of the run" value={run.input} />}
    </Panel>
  )
}

type Asked = AnswerOf<'GET /api/runs/{id}/request'>

function noteOf({ job_changed_at: at }: Asked) {
  if (at === null) return 'as it was filled in; secrets stand by their names'
  return (
    <>
      the job was changed <When at={at} relative />, so this run may have asked for something else
      {may('admin') && (
        <>
          : <Link href="/audit?action=changeJob">changes of jobs</Link>
        </>
      )}
    </>
  )
}

const written = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))

/** How it was answered: the output of the newest attempt, JSON as such. */
export function Answer({ run }: { run: Pick<Run, 'output' | 'usage'> }) {
  const { head, body } = partsOf(run.output)
  return (
    <Panel title="Answer" note={head}>
      {run.usage && <CodeView label="used" value={run.usage} />}
      {body ? (
        <CodeView label="output" value={body} />
      ) : (
        !run.usage && (
          <Empty title={head ? 'An answer without a body' : 'No output'}>
            What an action answers, returns or prints stands here.
          </Empty>
        )
      )}
    </Panel>
  )
}

/** The output of an http action begins with a line about the answer. */
function partsOf(output: string | null): { head: string | undefined; body: string } {
  const [, head, body = ''] = /^(HTTP \d{3} in [^\n]*)(?:\n\n?([\s\S]*))?$/.exec(output ?? '') ?? []
  return head ? { head, body } : { head: undefined, body: output ?? '' }
}

type Before = { job?: { id?: string; name?: string }; run?: { id?: string } }

/** The run that started this one, and those that it starts. */
export function Chain({
  run,
  after,
}: {
  run: Run
  after: readonly { id: string; job: string; isStarted: boolean }[]
}) {
  const before = run.trigger === 'after' ? (run.input as Before | null) : null
  if (!before?.run?.id && after.length === 0) return null
  return (
    <Panel title="Chain">
      <ol class="chain">
        {before?.run?.id && (
          <li>
            <Link href={`/runs/${before.run.id}`}>{before.job?.name ?? 'the run before'}</Link>
          </li>
        )}
        <li aria-current="step">{run.job_name}</li>
        {after.map(({ id, job, isStarted }) => (
          <li key={id}>
            {isStarted ? (
              <Link href={`/runs/${id}`}>the run that it started</Link>
            ) : (
              <>
                not started yet: <Link href={`/jobs/${job}`}>the job that follows</Link>
              </>
            )}
          </li>
        ))}
      </ol>
    </Panel>
  )
}
