import { call, search } from '../api.ts'
import { type Loaded, useLoad } from '../load.ts'
import { FailedDeliveries } from '../now/deliveries.tsx'
import { Failures } from '../now/failures.tsx'
import { Health } from '../now/health.tsx'
import { LiveRuns } from '../now/live-runs.tsx'
import { looked, lookedAt } from '../now/looked.ts'
import { Timeline } from '../now/timeline.tsx'
import { Button } from '../parts/button.tsx'
import { Empty } from '../parts/empty.tsx'
import { Link } from '../parts/link.tsx'
import { ErrorNotice } from '../parts/notice.tsx'
import { PageHead, Panel } from '../parts/panel.tsx'
import { When } from '../parts/when.tsx'
import { may } from '../session.ts'
import { status } from '../status.ts'
import type { Delivery, Failures as Failed, Run, Timeline as Window } from '../types.ts'

/** What happens at this moment, what is about to, and what went wrong since the reader looked last. */
export function NowPage() {
  const since = lookedAt.value
  const window = useLoad(() => call<Window>('GET', '/api/timeline?limit=40'), [])
  const live = useLoad(
    () => call<{ runs: Run[] }>('GET', '/api/runs?status=claimed,running,waiting&limit=50'),
    [],
  )
  const failed = useLoad(() => call<Failed>('GET', `/api/failures${search({ since })}`), [since])
  const unsent = useLoad(
    () => call<{ deliveries: Delivery[] }>('GET', '/api/deliveries?state=failed&limit=20'),
    [],
  )
  return (
    <>
      <PageHead title="Now" />
      {status.value && <Health status={status.value} />}
      <Panel title="The next 24 hours" note="in your time">
        <Shown loaded={window}>
          {(data) => (data.lanes.length > 0 ? <Timeline window={data} /> : <NoJobs />)}
        </Shown>
      </Panel>
      <div class="panels">
        <div class="stack">
          <Panel title="Running and waiting">
            <Shown loaded={live}>{({ runs }) => <LiveRuns runs={runs} />}</Shown>
          </Panel>
          <Panel title="Deliveries that failed">
            <Shown loaded={unsent}>
              {({ deliveries }) => <FailedDeliveries deliveries={deliveries} onChange={unsent.reload} />}
            </Shown>
          </Panel>
        </div>
        <Panel
          title="Failed since you last looked"
          note={<When at={since} relative />}
          actions={
            (failed.data?.failures.length ?? 0) > 0 && (
              <Button kind="quiet" onPress={looked}>
                Seen
              </Button>
            )
          }
        >
          <Shown loaded={failed}>{(data) => <Failures found={data} />}</Shown>
        </Panel>
      </div>
    </>
  )
}

type ShownProps<T> = { loaded: Loaded<T>; children: (data: T) => preact.ComponentChildren }

/** What is known, under what is wrong with the newest answer. */
function Shown<T>({ loaded: { data, error, reload }, children }: ShownProps<T>) {
  return (
    <>
      <ErrorNotice error={error} actions={<Button onPress={reload}>Try again</Button>} />
      {data !== null && children(data)}
      {data === null && !error && <p class="loading">…</p>}
    </>
  )
}

function NoJobs() {
  return (
    <Empty title="Nothing is due in the next 24 hours">
      Each job with a slot in this window has a lane here.{' '}
      {may('jobs:write') ? <Link href="/make">Make a job</Link> : <Link href="/jobs">Look at all jobs</Link>}
    </Empty>
  )
}
