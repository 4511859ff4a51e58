import { Empty } from '../parts/empty.tsx'
import { counted } from '../parts/count.ts'
import { Link } from '../parts/link.tsx'
import { Verdict } from '../parts/verdict.tsx'
import { Whose } from '../parts/whose.tsx'
import { When } from '../parts/when.tsx'
import type { Failures as Answer } from '../types.ts'

/** What failed since the reader looked last, by its cause; each leads to its last run. */
export function Failures({ found }: { found: Answer }) {
  if (found.failures.length === 0)
    return (
      <Empty title="Nothing failed">
        A run that fails, times out or is interrupted stands here, together with others of the same cause.
      </Empty>
    )
  return (
    <ul class="causes">
      {found.failures.map((failure) => (
        <li key={failure.code + failure.cause}>
          <div>
            <Verdict verdict="failed" title={failure.code} />
            <Link href={`/runs/${failure.last_run_id}`}>{failure.last_message || failure.code}</Link>
          </div>
          <p class="quiet">
            {failure.count === 1 ? 'once' : counted(failure.count, 'time')}, last{' '}
            <When at={failure.last_at} relative />,{' '}
            {failure.jobs.slice(0, 3).map((job, index) => (
              <span key={job.job_id}>
                {index > 0 && ', '}
                <Link href={`/jobs/${job.job_id}`}>{job.name}</Link> <Whose project={job.project} />
              </span>
            ))}
            {failure.job_count > 3 && ` and ${counted(failure.job_count - 3, 'more job')}`}
          </p>
        </li>
      ))}
    </ul>
  )
}
