import { call } from '../api.ts'
import { useLoad } from '../load.ts'
import { ErrorNotice } from '../parts/notice.tsx'
import { Panel } from '../parts/panel.tsx'
import { type Look, Sign, Verdict } from '../parts/verdict.tsx'
import { When } from '../parts/when.tsx'
import type { Arm, Job } from '../types.ts'
import { type ArmTry, armSentence, isLate } from './words.ts'

/** Who holds the wake-up of a job, as a sentence, and what the timer service was told before. */
export function WakeUp({ job }: { job: Job }) {
  const { data, error } = useLoad(() => call<Arm>('GET', `/api/jobs/${job.id}/arm`), [job.id])
  const look = lookOfArm(data)
  const tries = (data?.history ?? []) as ArmTry[]
  return (
    <Panel title="Wake-up">
      <ErrorNotice error={error} />
      {data && (
        <p class="said">
          <span class={`verdict ${look}`}>
            <Sign look={look} />
          </span>{' '}
          {armSentence(data, job)}
        </p>
      )}
      {tries.length > 0 && (
        <details>
          <summary>What the timer service was told ({tries.length})</summary>
          <ul class="lines">
            {tries.map((one) => (
              <li key={one.asked_at}>
                <Verdict verdict={one.error ? 'failed' : 'ok'} />
                <span>
                  {one.fire_at ? (
                    <>
                      call at <When at={one.fire_at} seconds />
                    </>
                  ) : (
                    'forget it'
                  )}
                </span>
                <span class="quiet cut why">
                  {one.error ? one.error.message : `${one.outcome}, ${one.took_ms} ms`}
                </span>
                <span class="end">
                  <When at={one.asked_at} seconds />
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </Panel>
  )
}

function lookOfArm(arm: Arm | null | undefined): Look {
  if (!arm?.owed_since) return 'good'
  return isLate(arm) ? 'missed' : 'due'
}
