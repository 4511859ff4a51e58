import { useEffect } from 'preact/hooks'
import { goesDownAt, pace, resume } from './live.ts'
import { Button } from './parts/button.tsx'
import { durationText, instantText, useSeconds } from './parts/when.tsx'
import { followStatus, status } from './status.ts'

/** Why the machine is up and when it goes down; or that the page has stopped asking, so that it can. */
export function Corner() {
  useEffect(followStatus, [])
  useSeconds(goesDownAt.value !== null)
  const now = pace.value
  return (
    <aside class={`corner ${now}`} aria-label="The machine">
      <span class="dot" aria-hidden="true" />
      <span role={now === 'paused' || now === 'asleep' ? 'status' : undefined}>{says[now]()}</span>
      {now === 'paused' && (
        <Button kind="main" onPress={resume}>
          Go on
        </Button>
      )}
      {now === 'asleep' && (
        <Button kind="main" onPress={resume}>
          Wake it
        </Button>
      )}
    </aside>
  )
}

const says = {
  live: awake,
  slow: () => `${awake()} (this page asks less often while nothing moves here)`,
  hidden: awake,
  paused: () => 'Paused, press to go on: this page has stopped asking, so that the machine can sleep',
  asleep: () =>
    goesDownAt.value === null
      ? 'No machine answers: below is what was known'
      : `The machine went to sleep at ${instantText(new Date(goesDownAt.value))}: below is what was known`,
}

function awake(): string {
  const at = goesDownAt.value
  if (at !== null)
    return `Awake; the machine goes down in ${durationText(Math.max(1_000, roundUp(at - Date.now())))}`
  const because = status.value?.awake.because ?? []
  return because.length > 0 ? `Awake because ${because.join(', and ')}` : 'Awake'
}

const roundUp = (ms: number) => Math.ceil(ms / 1_000) * 1_000
