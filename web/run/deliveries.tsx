import { useState } from 'preact/hooks'
import { counted } from '../parts/count.ts'
import { ApiError, call } from '../api.ts'
import { Button } from '../parts/button.tsx'
import { Empty } from '../parts/empty.tsx'
import { Link } from '../parts/link.tsx'
import { ErrorNotice } from '../parts/notice.tsx'
import { Panel } from '../parts/panel.tsx'
import { Verdict } from '../parts/verdict.tsx'
import { When } from '../parts/when.tsx'
import { may } from '../session.ts'
import type { Delivery } from '../types.ts'
import { receiverOf } from './spans.ts'

type DeliveriesProps = { deliveries: readonly Delivery[]; onChange: () => Promise<void> }

/** Who was told of the run, and whether it arrived. */
export function Deliveries({ deliveries, onChange }: DeliveriesProps) {
  const [error, setError] = useState<ApiError | null>(null)
  const retry = async ({ id, run_id: run }: Delivery) => {
    try {
      await call('POST', `/api/runs/${run}/deliveries/${id}/retry`, {})
      setError(null)
    } catch (caught) {
      setError(caught instanceof ApiError ? caught : null)
    }
    await onChange()
  }
  return (
    <Panel title="Deliveries">
      <ErrorNotice error={error} />
      {deliveries.length === 0 ? (
        <Empty title="No one was told of this run">
          Its job names no channel for such an outcome. Name one in <code>deliver</code> of the job, or make a{' '}
          <Link href="/channels">channel</Link> the default for failures.
        </Empty>
      ) : (
        <ul class="causes">
          {deliveries.map((one) => (
            <li key={one.id}>
              <div>
                <Verdict verdict={one.state} />
                <span class="grow">
                  {one.event} to{' '}
                  {one.to.job ? <Link href={`/jobs/${one.to.job}`}>another job</Link> : receiverOf(one)}
                </span>
                {one.state === 'failed' && may('runs:start') && (
                  <span class="end">
                    <Button onPress={() => retry(one)}>Send again</Button>
                  </span>
                )}
              </div>
              <p class="quiet">
                {one.error && `${one.error.message ?? one.error.code}; `}
                {counted(one.attempt, 'try')}
                {one.next_try_at && (
                  <>
                    , the next <When at={one.next_try_at} relative />
                  </>
                )}
                {one.finished_at && (
                  <>
                    , done <When at={one.finished_at} seconds />
                  </>
                )}
              </p>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}
