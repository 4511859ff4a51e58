import { Empty } from '../parts/empty.tsx'
import { Link } from '../parts/link.tsx'
import { Verdict } from '../parts/verdict.tsx'
import { durationText, useSeconds, When } from '../parts/when.tsx'
import { Whose } from '../parts/whose.tsx'
import type { Run } from '../types.ts'

/** What runs or waits at this moment. */
export function LiveRuns({ runs }: { runs: readonly Run[] }) {
  useSeconds(runs.length > 0)
  if (runs.length === 0)
    return <Empty title="Nothing runs">The machine can sleep until the next wake-up.</Empty>
  return (
    <ul class="lines">
      {runs.map((run) => (
        <li key={run.id}>
          <Verdict verdict={run.state} />
          <Link href={`/runs/${run.id}`}>{run.job_name}</Link>
          <Whose project={run.project} />
          <span class="quiet">
            {run.started_at ? `for ${durationText(Date.now() - Date.parse(run.started_at))}` : 'waits'}
            {run.attempt > 1 && `, attempt ${run.attempt}`}
          </span>
          <span class="end">
            <When at={run.slot ?? run.claimed_at} />
          </span>
        </li>
      ))}
    </ul>
  )
}
