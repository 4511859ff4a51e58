import { pace, resume } from './live.ts'
import { Button } from './parts/button.tsx'

/** Why the machine is up and when it goes down; or that the page has stopped asking, so that it can. */
export function Corner() {
  const says = words[pace.value]
  return (
    <div class={`corner ${pace.value}`} role="status">
      <span class="dot" aria-hidden="true" />
      <span>{says}</span>
      {(pace.value === 'paused' || pace.value === 'asleep') && (
        <Button kind="main" onPress={resume}>
          {pace.value === 'paused' ? 'Go on' : 'Wake it'}
        </Button>
      )}
    </div>
  )
}

const words = {
  live: 'Live',
  slow: 'Live, slower while nothing moves here',
  hidden: 'Waits until it is looked at',
  paused: 'Paused, press to go on',
  asleep: 'The machine is asleep: this is what was known',
}
