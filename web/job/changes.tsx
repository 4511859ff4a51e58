import { useEffect, useState } from 'preact/hooks'
import { ApiError, call } from '../api.ts'
import { useLoad } from '../load.ts'
import { Differences } from '../parts/differences.tsx'
import { ErrorNotice } from '../parts/notice.tsx'
import type { Job, Preview, Upcoming } from '../types.ts'
import type { Change, Editable } from './editable.ts'
import { Instants } from './plan.tsx'

type ChangesProps = { job: Job; changes: readonly Change[]; draft: Editable }

/** What saving changes: each field, and the next instants before and after it. */
export function Changes({ job, changes, draft }: ChangesProps) {
  if (changes.length === 0) return null
  const isMoved = changes.some(({ field }) => field === 'schedule' || field === 'timezone')
  return (
    <Differences
      title="What saving changes"
      changes={changes.map(({ field, ...one }) => ({ name: field, ...one }))}
      nothing="default"
    >
      {isMoved && draft.schedule !== null && (
        <Moved job={job} schedule={draft.schedule} timezone={draft.timezone} />
      )}
    </Differences>
  )
}

type MovedProps = { job: Job; schedule: string; timezone: string }

function Moved({ job, schedule, timezone }: MovedProps) {
  const before = useLoad(
    () => call<{ upcoming: Upcoming[] }>('GET', `/api/jobs/${job.id}/next?count=5`),
    [job.id],
    {
      live: false,
    },
  )
  const { preview, error } = usePreview(schedule, timezone)
  return (
    <div class="before-after">
      <div>
        <h4>Next, as it is</h4>
        {before.data && <Instants upcoming={before.data.upcoming} zone={job.timezone} />}
      </div>
      <div aria-live="polite">
        <h4>Next, once saved</h4>
        <ErrorNotice error={error} />
        {preview && !error && (
          <>
            <p class="said">{preview.description}</p>
            <Instants upcoming={preview.upcoming} zone={timezone} />
          </>
        )}
      </div>
    </div>
  )
}

/** What the service makes of a schedule, as soon as its writer rests for a moment. */
export function usePreview(schedule: string, timezone: string) {
  const [state, set] = useState<{ preview: Preview | null; error: ApiError | null }>({
    preview: null,
    error: null,
  })
  useEffect(() => {
    let isOver = false
    const ask = async () => {
      try {
        const preview = await call<Preview>('POST', '/api/schedules/preview', {
          schedule,
          timezone,
          count: 5,
        })
        if (!isOver) set({ preview, error: null })
      } catch (error) {
        if (!isOver) set({ preview: null, error: error instanceof ApiError ? error : null })
      }
    }
    const timer = setTimeout(() => void ask(), 250)
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }, [schedule, timezone])
  return state
}
