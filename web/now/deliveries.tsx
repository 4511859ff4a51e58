import { call } from '../api.ts'
import { counted } from '../parts/count.ts'
import { Button } from '../parts/button.tsx'
import { Empty } from '../parts/empty.tsx'
import { Link } from '../parts/link.tsx'
import { Verdict } from '../parts/verdict.tsx'
import { Whose } from '../parts/whose.tsx'
import { When } from '../parts/when.tsx'
import { may } from '../session.ts'
import type { Delivery } from '../types.ts'

type DeliveriesProps = { deliveries: readonly Delivery[]; onChange: () => Promise<void> }

/** Deliveries that failed permanently: the message that no one got, and the way to send it again. */
export function FailedDeliveries({ deliveries, onChange }: DeliveriesProps) {
  if (deliveries.length === 0)
    return (
      <Empty title="Every message has arrived">
        A message about a run that no try could deliver stands here, with the reason and a button that sends
        it again.
      </Empty>
    )
  const retry = async ({ id, run_id: run }: Delivery) => {
    await call('POST', `/api/runs/${run}/deliveries/${id}/retry`, {}).catch(() => undefined)
    await onChange()
  }
  return (
    <ul class="causes">
      {deliveries.map((one) => (
        <li key={one.id}>
          <div>
            <Verdict verdict="failed" />
            <Link href={`/runs/${one.run_id}`}>
              {one.job_name ?? one.job_id} to {one.to.channel ?? one.to.type ?? one.to.job}
            </Link>
            <Whose project={one.project} />
            {may('runs:start') && (
              <span class="end">
                <Button onPress={() => retry(one)}>Send again</Button>
              </span>
            )}
          </div>
          <p class="quiet">
            {one.error?.message ?? one.error?.code}, <When at={one.finished_at} relative /> after{' '}
            {counted(one.attempt, 'try')}
          </p>
        </li>
      ))}
    </ul>
  )
}
