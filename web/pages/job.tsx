import { useState } from 'preact/hooks'
import { call, search } from '../api.ts'
import { Delete, PauseUntil, RunNow } from '../job/doing.tsx'
import { Edit } from '../job/edit.tsx'
import { editableOf } from '../job/editable.ts'
import { Plan } from '../job/plan.tsx'
import { Charts, RecentRuns } from '../job/runs.tsx'
import { WakeUp } from '../job/wake.tsx'
import { policySentences } from '../job/words.ts'
import { Year } from '../job/year.tsx'
import { standOf } from '../jobs/columns.tsx'
import { useLoad } from '../load.ts'
import { Button } from '../parts/button.tsx'
import { CodeView } from '../parts/code-view.tsx'
import { Empty } from '../parts/empty.tsx'
import { Link } from '../parts/link.tsx'
import { ErrorNotice, Notice } from '../parts/notice.tsx'
import { PageHead, Panel } from '../parts/panel.tsx'
import { Verdict } from '../parts/verdict.tsx'
import { Whose } from '../parts/whose.tsx'
import { When } from '../parts/when.tsx'
import { go } from '../router.ts'
import { may } from '../session.ts'
import type { Job, Run } from '../types.ts'
import type { PageProps } from '../page-props.ts'

/** One job: what it is, when it runs, how it ran, who holds its wake-up; and all that can be done to it. */
export function JobPage({ params }: PageProps) {
  const id = params['id'] ?? ''
  const { data, error, reload } = useLoad(() => call<{ job: Job }>('GET', `/api/jobs/${id}`), [id])
  const runs = useLoad(
    () => call<{ runs: Run[] }>('GET', `/api/jobs/${id}/runs${search({ limit: 200 })}`),
    [id],
  )
  if (error?.status === 404)
    return (
      <Empty title="There is no job with this id">
        It may have been deleted. <Link href="/jobs">All jobs</Link>
      </Empty>
    )
  const again = async () => {
    await Promise.all([reload(), runs.reload()])
  }
  const job = data?.job
  return (
    <>
      <ErrorNotice error={error} actions={<Button onPress={again}>Try again</Button>} />
      {job && (
        <>
          <Head job={job} onChange={again} />
          <Notices job={job} />
          <div class="panels">
            <Plan job={job} />
            <div class="stack">
              <WakeUp job={job} />
              <Panel title="Policies">
                <ul class="sentences">
                  {policySentences(job).map((sentence) => (
                    <li key={sentence}>{sentence}</li>
                  ))}
                </ul>
              </Panel>
            </div>
          </div>
          <Year jobId={id} />
          <Charts runs={runs.data?.runs ?? []} />
          <div class="panels">
            <RecentRuns runs={runs.data?.runs ?? []} />
            <Panel title="What it does">
              <CodeView label={`action: ${job.action.type}`} value={job.action} />
              <CodeView label="deliver" value={job.deliver ?? 'nothing of its own'} />
            </Panel>
          </div>
        </>
      )}
    </>
  )
}

type Window = 'run' | 'pause' | 'edit' | 'delete'

function Head({ job, onChange }: { job: Job; onChange: () => Promise<void> }) {
  const [open, setOpen] = useState<Window | null>(null)
  const close = () => setOpen(null)
  const shared = { job, onDone: onChange, onClose: close }
  const resume = async () => {
    await call('POST', `/api/jobs/${job.id}/resume`, {})
    await onChange()
  }
  const duplicate = async () => {
    const body = { ...editableOf(job), name: `${job.name} (copy)`.slice(0, 200), paused: true }
    const made = await call<{ job: Job }>('POST', '/api/jobs', body)
    go(`/jobs/${made.job.id}`)
  }
  const isWriter = may('jobs:write')
  return (
    <>
      <PageHead
        title={job.name}
        note={
          <>
            <Verdict verdict={standOf(job)} /> · next{' '}
            <When at={job.next_run_at} zone={job.timezone} relative />
            <Whose project={job.project} />
            {job.tags.map((tag) => (
              <Link key={tag} href={`/jobs${search({ tag })}`} class="tag">
                {tag}
              </Link>
            ))}
          </>
        }
        actions={
          <>
            {may('runs:start') && <Button onPress={() => setOpen('run')}>Run now</Button>}
            {isWriter && job.state === 'paused' && <Button onPress={resume}>Resume</Button>}
            {isWriter && job.state === 'scheduled' && <Button onPress={() => setOpen('pause')}>Pause</Button>}
            {isWriter && (
              <>
                <Button onPress={() => setOpen('edit')}>Edit</Button>
                <Button onPress={duplicate}>Duplicate</Button>
                <Button kind="danger" onPress={() => setOpen('delete')}>
                  Delete
                </Button>
              </>
            )}
          </>
        }
      />
      {open === 'run' && <RunNow {...shared} />}
      {open === 'pause' && <PauseUntil {...shared} />}
      {open === 'delete' && <Delete {...shared} />}
      {open === 'edit' && <Edit job={job} onSaved={onChange} onClose={close} />}
    </>
  )
}

/** What is unusual about it. */
function Notices({ job }: { job: Job }) {
  return (
    <>
      {job.state === 'paused' && (
        <Notice kind="news" title="Paused">
          {job.paused_reason ?? 'No reason was given'}, <When at={job.paused_at} relative />
          {job.resume_at ? (
            <>
              ; it goes on by itself <When at={job.resume_at} relative />.
            </>
          ) : (
            '; it goes on when someone resumes it.'
          )}
        </Notice>
      )}
      {job.failure_streak > 0 && (
        <Notice
          kind="error"
          title={
            job.failure_streak === 1
              ? 'The last run was a failure'
              : `The last ${job.failure_streak} runs were failures`
          }
          actions={job.latest_execution && <Link href={`/runs/${job.latest_execution.id}`}>See why</Link>}
        >
          {job.last_error}
        </Notice>
      )}
      {job.last_delivery_error && (
        <Notice kind="warning" title="The last outcome has not reached a receiver">
          {job.last_delivery_error}
        </Notice>
      )}
      {job.tells_nobody && job.enabled && (
        <Notice kind="warning" title="If it fails, no one is told">
          Name a channel in <code>deliver</code>, or make a <Link href="/channels">channel</Link> the default
          for failures.
        </Notice>
      )}
    </>
  )
}
