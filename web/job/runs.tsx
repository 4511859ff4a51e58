import { useMemo } from 'preact/hooks'
import { counted } from '../parts/count.ts'
import { Chart } from '../parts/chart.tsx'
import { Empty } from '../parts/empty.tsx'
import { Link } from '../parts/link.tsx'
import { Panel } from '../parts/panel.tsx'
import { Verdict } from '../parts/verdict.tsx'
import { Duration, durationText, When } from '../parts/when.tsx'
import type { Run } from '../types.ts'

const bad = new Set(['failed', 'timed_out', 'interrupted'])

/** How long the last runs took and how late they began, with the failures marked. */
export function Charts({ runs }: { runs: readonly Run[] }) {
  const { took, late } = useMemo(() => {
    const ended = runs.filter((run) => run.duration_ms !== null).toReversed()
    const at = ended.map(({ claimed_at: claimed }) => Date.parse(claimed) / 1000)
    const durations = ended.map(({ duration_ms: ms }) => ms)
    const failures = ended.map((run) => (bad.has(run.state) ? run.duration_ms : null))
    const lateness = ended.map(({ lateness_ms: ms }) => (ms === null ? null : Math.max(0, ms)))
    const lateFailures = ended.map((run, index) => (bad.has(run.state) ? (lateness[index] ?? null) : null))
    return { took: [at, durations, failures], late: [at, lateness, lateFailures] } as const
  }, [runs])
  if (took[0].length < 2)
    return (
      <Panel title="Duration and lateness">
        <Empty title="Not enough runs yet">Two runs that have ended make a line.</Empty>
      </Panel>
    )
  return (
    <div class="panels">
      <Panel title="Duration" note={`the last ${counted(took[0].length, 'run')}`}>
        <Chart
          label="How long the last runs took; failures are marked"
          data={took as never}
          series={[{ label: 'took' }, { label: 'failed', kind: 'points', look: 'bad' }]}
          isTime
          format={durationText}
        />
      </Panel>
      <Panel title="Lateness" note="from the slot to the beginning">
        <Chart
          label="How late the last runs began; failures are marked"
          data={late as never}
          series={[
            { label: 'late by', look: 'missed' },
            { label: 'failed', kind: 'points', look: 'bad' },
          ]}
          isTime
          format={durationText}
        />
      </Panel>
    </div>
  )
}

/** The newest runs, each a link. */
export function RecentRuns({ runs }: { runs: readonly Run[] }) {
  return (
    <Panel title="Runs" note="the newest first">
      {runs.length === 0 ? (
        <Empty title="It has not run yet">
          Each run stands here with its outcome, its duration and its reason.
        </Empty>
      ) : (
        <ul class="lines">
          {runs.slice(0, 15).map((run) => (
            <li key={run.id}>
              <Verdict verdict={run.state} />
              <Link href={`/runs/${run.id}`}>
                <When at={run.slot ?? run.claimed_at} seconds />
              </Link>
              <span class="quiet cut why">
                {run.trigger === 'fire' ? '' : `${run.trigger.replace('_', ' ')} `}
                {run.error?.message ?? run.skipped_reason ?? ''}
              </span>
              <span class="end">
                <Duration ms={run.duration_ms} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}
