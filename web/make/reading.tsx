import type { ApiError } from '../api.ts'
import { Instants } from '../job/plan.tsx'
import { Panel } from '../parts/panel.tsx'
import type { Preview } from '../types.ts'

type ReadingProps = { schedule: string; timezone: string; preview: Preview | null; error: ApiError | null }

/** What the service makes of a schedule while it is typed: its words, and the instants that follow from them. */
export function Reading({ schedule, timezone, preview, error }: ReadingProps) {
  return (
    <Panel title="As it is read" note="in your time, and in the zone of the job">
      <div class="reading" aria-live="polite">
        {schedule.trim() === '' ? (
          <p class="quiet">
            Type when it is to run, such as <code>every weekday at 9am</code>, <code>every 30m</code>,{' '}
            <code>in 2h</code>, <code>0 9 * * 1-5</code> or an instant. What it means appears here.
          </p>
        ) : error ? (
          <p class="problem">{error.message}</p>
        ) : preview ? (
          <>
            <p class="said">{preview.description}</p>
            <Instants upcoming={preview.upcoming} zone={timezone} />
          </>
        ) : (
          <p class="quiet">…</p>
        )}
      </div>
    </Panel>
  )
}
