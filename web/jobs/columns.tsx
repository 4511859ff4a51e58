import { Link } from '../parts/link.tsx'
import { Strip } from '../parts/strip.tsx'
import type { Column } from '../parts/table.tsx'
import { lookOf, Sign, Verdict, verdictWord } from '../parts/verdict.tsx'
import { Whose } from '../parts/whose.tsx'
import { cityOf, clockText, readersZone, shortText, When } from '../parts/when.tsx'
import type { Job } from '../types.ts'
import { stripOf } from './strips.ts'

/** How a job stands, in one word: what needs a look comes first. */
export function standOf({ state, failure_streak: streak, latest_execution: latest }: Job): string {
  if (state === 'error' || state === 'paused') return state
  if (streak > 0) return 'failing'
  if (latest && ['claimed', 'running', 'waiting'].includes(latest.status)) return latest.status
  return state
}

export const jobColumns: readonly Column<Job>[] = [
  {
    key: 'name',
    title: 'Job',
    width: 'minmax(0, 2.4fr)',
    sorts: true,
    cell: (job) => <NameCell job={job} />,
  },
  {
    key: 'stand',
    title: 'State',
    width: '104px',
    sorts: true,
    from: 'tablet',
    cell: (job) => <Verdict verdict={standOf(job)} />,
  },
  {
    key: 'strip',
    title: 'Last 30 slots',
    width: '180px',
    from: 'tablet',
    cell: ({ id }) => <StripCell id={id} />,
  },
  {
    key: 'next',
    title: 'Next run',
    width: 'minmax(106px, 1fr)',
    sorts: true,
    cell: (job) => <NextCell job={job} />,
  },
  {
    key: 'rate',
    title: 'Success',
    width: '72px',
    align: 'end',
    sorts: true,
    from: 'desk',
    cell: ({ id }) => <RateCell id={id} />,
  },
  {
    key: 'took',
    title: 'p50 / p95',
    width: '124px',
    align: 'end',
    sorts: true,
    from: 'desk',
    cell: ({ id }) => <TookCell id={id} />,
  },
]

function NameCell({ job }: { job: Job }) {
  return (
    <span class="job-name">
      <span class="cut">
        <span class={`on-phone verdict ${lookOf(standOf(job))}`}>
          <Sign look={lookOf(standOf(job))} />
          <span class="for-readers">{verdictWord(standOf(job))} </span>
        </span>
        <Link href={`/jobs/${job.id}`}>{job.name}</Link>
      </span>
      <span class="quiet">
        <Whose project={job.project} /> {job.schedule_display}
        {job.tags.length > 0 && ` · ${job.tags.join(', ')}`}
        {job.tells_nobody && ' · tells no one'}
        {job.enabled && !job.armed && job.trigger !== 'builtin' && ' · not armed'}
      </span>
    </span>
  )
}

function StripCell({ id }: { id: string }) {
  const strip = stripOf(id).value
  return <Strip items={(strip?.slots ?? []).map(asItem)} />
}

/** A slot that ran is shown by the outcome of its run. */
const asItem = ({ slot, verdict, state, reason }: StripSlot) => ({
  slot,
  verdict: verdict === 'ran' ? (state ?? 'succeeded') : verdict,
  reason,
})
type StripSlot = { slot: string; verdict: string; state?: string | null; reason: string | null }

/** In the reader's time, and under it in the job's own zone if that is another. */
function NextCell({ job: { next_run_at: at, timezone: zone } }: { job: Job }) {
  if (!at || zone === readersZone) return <When at={at} zone={zone} />
  return (
    <span class="two-lines">
      <When at={at} zone={zone} />
      <span class="quiet" title={zone}>
        {clockText(at, zone)} {cityOf(zone)}
      </span>
    </span>
  )
}

function RateCell({ id }: { id: string }) {
  const rate = stripOf(id).value?.success_rate
  if (rate === null || rate === undefined) return <span class="quiet">–</span>
  return <span class="number">{Math.floor(rate * 100)} %</span>
}

function TookCell({ id }: { id: string }) {
  const { p50_ms: p50, p95_ms: p95 } = stripOf(id).value ?? {}
  if (p50 === null || p50 === undefined) return <span class="quiet">–</span>
  return (
    <span class="number">
      {shortText(p50)} / {shortText(p95 ?? p50)}
    </span>
  )
}
