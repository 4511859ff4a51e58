import { useState } from 'preact/hooks'
import { call } from '../api.ts'
import { useLoad } from '../load.ts'
import { Button } from '../parts/button.tsx'
import { Confirm } from '../parts/dialog.tsx'
import { Empty } from '../parts/empty.tsx'
import { Link } from '../parts/link.tsx'
import { ErrorNotice, Notice } from '../parts/notice.tsx'
import { PageHead } from '../parts/panel.tsx'
import { Verdict } from '../parts/verdict.tsx'
import { Whose } from '../parts/whose.tsx'
import { Duration, When } from '../parts/when.tsx'
import { go } from '../router.ts'
import { Answer, Chain, Request } from '../run/answer.tsx'
import { Deliveries } from '../run/deliveries.tsx'
import { Log } from '../run/log.tsx'
import { liveStates, spansOf, triggerWords } from '../run/spans.ts'
import { Waterfall } from '../run/waterfall.tsx'
import { may } from '../session.ts'
import type { Arm, Delivery, Job, Run } from '../types.ts'
import type { PageProps } from '../page-props.ts'

/** One run: what happened and when, what was asked and answered, what it wrote, and who was told. */
export function RunPage({ params }: PageProps) {
  const id = params['id'] ?? ''
  const { data, error, reload } = useLoad(() => call<{ run: Run }>('GET', `/api/runs/${id}`), [id])
  const run = data?.run
  if (error?.status === 404 || error?.code === 'RUN_ID_INVALID')
    return (
      <Empty title="There is no run with this id">
        It may have been removed with its job, or because its time was over.{' '}
        <Link href="/jobs">All jobs</Link>
      </Empty>
    )
  return (
    <>
      <ErrorNotice error={error} actions={<Button onPress={reload}>Try again</Button>} />
      {run && <Shown run={run} reload={reload} />}
    </>
  )
}

function Shown({ run, reload }: { run: Run; reload: () => Promise<void> }) {
  const [grows] = useState(liveStates.has(run.state))
  const job = useLoad(() => call<{ job: Job }>('GET', `/api/jobs/${run.job_id}`), [run.job_id], {
    live: false,
  })
  const arm = useLoad(() => call<Arm>('GET', `/api/jobs/${run.job_id}/arm`), [run.job_id, run.state], {
    live: false,
  })
  const told = useLoad(
    () => call<{ deliveries: Delivery[] }>('GET', `/api/runs/${run.id}/deliveries`),
    [run.id, run.state],
  )
  const deliveries = told.data?.deliveries ?? []
  const after = deliveries.flatMap(({ id, to, state }) =>
    to.job ? [{ id, job: to.job, isStarted: state === 'delivered' }] : [],
  )
  const log = <Log runId={run.id} attempts={run.attempt} grows={grows} onEnd={() => void reload()} />
  return (
    <>
      <Head run={run} zone={job.data?.job.timezone} onChange={reload} />
      {/* over what grows while it is watched, so that no line moves under the eyes of its reader */}
      {grows && log}
      <Outcome run={run} />
      <Waterfall spans={spansOf(run, arm.data, deliveries)} />
      <Chain run={run} after={after} />
      {!grows && log}
      <div class="panels">
        <Answer run={run} />
        <div class="stack">
          <Deliveries deliveries={deliveries} onChange={told.reload} />
          <Request run={run} />
        </div>
      </div>
    </>
  )
}

/** Why it failed, or did nothing. */
function Outcome({ run }: { run: Run }) {
  return (
    <>
      {run.error && (
        <Notice
          kind="error"
          title={`${run.error.code}: why it ${run.state === 'timed_out' ? 'timed out' : run.state}`}
        >
          {run.error.message}
        </Notice>
      )}
      {run.skipped_reason && <Notice title="There was nothing to do">{run.skipped_reason}</Notice>}
    </>
  )
}

type HeadProps = { run: Run; zone: string | undefined; onChange: () => Promise<void> }

function Head({ run, zone, onChange }: HeadProps) {
  const [asks, setAsks] = useState<'cancel' | 'again' | null>(null)
  const isLive = liveStates.has(run.state)
  const close = () => setAsks(null)
  const cancel = async () => {
    await call('POST', `/api/runs/${run.id}/cancel`, {})
    await onChange()
  }
  const again = async () => {
    const { run: made } = await call<{ run: Run }>('POST', `/api/runs/${run.id}/retry`, {})
    go(`/runs/${made.id}`)
  }
  return (
    <>
      <PageHead
        title={
          <>
            <Link href={`/jobs/${run.job_id}`}>{run.job_name}</Link>
          </>
        }
        note={
          <>
            <Verdict verdict={run.state} /> <When at={run.slot ?? run.claimed_at} zone={zone} seconds />
            {run.duration_ms !== null && (
              <span>
                took <Duration ms={run.duration_ms} />
              </span>
            )}
            <span>started by {triggerWords[run.trigger] ?? run.trigger}</span>
            <Whose project={run.project} />
            {run.attempt > 1 && <span>attempt {run.attempt}</span>}
          </>
        }
        actions={
          <>
            {isLive && may('jobs:write') && (
              <Button kind="danger" onPress={() => setAsks('cancel')}>
                Cancel
              </Button>
            )}
            {!isLive && may('runs:start') && <Button onPress={() => setAsks('again')}>Run again</Button>}
          </>
        }
      />
      {asks === 'cancel' && (
        <Confirm title="Cancel this run?" action="Cancel the run" danger onConfirm={cancel} onClose={close}>
          <p>Its attempt is told to stop. What it has done already stays done.</p>
        </Confirm>
      )}
      {asks === 'again' && (
        <Confirm title="Run it again?" action="Run again" onConfirm={again} onClose={close}>
          <p>A new run with the same input, beside the schedule. This one stays as it is.</p>
        </Confirm>
      )}
    </>
  )
}
