import { call } from '../api.ts'
import { useLoad } from '../load.ts'
import { Link } from '../parts/link.tsx'
import { Panel } from '../parts/panel.tsx'
import { cityOf, instantText, readersZone, relativeText, When } from '../parts/when.tsx'
import type { Job, Preview, Upcoming } from '../types.ts'
import { scheduleText } from './words.ts'

/** The schedule in words, and the next ten instants with the changes of the clock between them. */
export function Plan({ job }: { job: Job }) {
  const schedule = scheduleText(job)
  const next = useLoad(
    () => call<{ upcoming: Upcoming[] }>('GET', `/api/jobs/${job.id}/next?count=10`),
    [job.id, job.version, job.next_run_at],
    { live: false },
  )
  const words = useLoad(
    async () =>
      schedule &&
      call<Preview>('POST', '/api/schedules/preview', { schedule, timezone: job.timezone, count: 1 }),
    [schedule, job.timezone],
    { live: false },
  )
  const upcoming = next.data?.upcoming ?? []
  return (
    <Panel title="Schedule" note={job.timezone}>
      <p class="said">{words.data ? words.data.description : job.schedule_display}</p>
      {schedule && words.data && words.data.description !== schedule && <code>{schedule}</code>}
      {job.after && (
        <p>
          Follows <Link href={`/jobs/${job.after.job}`}>another job</Link> when it ends with{' '}
          {job.after.on.join(' or ')}.
        </p>
      )}
      {upcoming.length > 0 ? <Instants upcoming={upcoming} zone={job.timezone} /> : <NoInstant job={job} />}
    </Panel>
  )
}

export function Instants({ upcoming, zone }: { upcoming: readonly Upcoming[]; zone: string }) {
  return (
    <ol class="instants">
      {upcoming.map(({ at, offset_change: change }) => (
        <li key={at}>
          {change && (
            <p class="clock-note">
              The clock changes from {change.from} to {change.to}
            </p>
          )}
          <When at={at} zone={zone} />
          {zone !== readersZone && (
            <span class="quiet local">
              {instantText(at, { zone })} {cityOf(zone)}
            </span>
          )}
          <span class="quiet end">{relativeText(at)}</span>
        </li>
      ))}
    </ol>
  )
}

function NoInstant({ job }: { job: Job }) {
  if (job.state === 'paused') return <p class="quiet">No instant is near: the job is paused.</p>
  if (job.state === 'completed') return <p class="quiet">No instant is left: all its runs are done.</p>
  return <p class="quiet">No instant is known: it runs when the job that it follows has ended, or by hand.</p>
}
