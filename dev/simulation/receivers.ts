import type { Sent } from '../../src/decisions/index.ts'
import type { SendMessage } from '../../src/delivery/send.ts'
import type { Clock } from './clock.ts'
import type { Process } from './process.ts'
import type { Random } from './random.ts'
import type { Scenario } from './scenario.ts'
import type { Steps } from './steps.ts'
import type { Trace } from './trace.ts'

/** What a receiver got, even if no process listens to its answer any more. */
export type Arrival = { deliveryId: string; jobId: string; atMs: number; isTaken: boolean }

type SimulatedReceiversNeeds = {
  clock: Clock
  random: Random
  scenario: Scenario
  trace: Trace
  isFaulty: () => boolean
  arrivals: Arrival[]
  /** Told of each arrival. */
  arrived: (arrival: Arrival) => void
}

/** The receivers of outcomes: slow, failing, gone, or not to be reached; with a log of its own. */
export function createSimulatedReceivers(needs: SimulatedReceiversNeeds) {
  const { clock, random, scenario, trace, isFaulty, arrivals, arrived } = needs
  const faults = scenario.receivers

  function connect(process: Process, steps: Steps): SendMessage {
    return (_target, { id, job, event }, signal) =>
      new Promise((resolve) => {
        if (!steps.take(`delivery ${id}`)) return
        if (isFaulty() && random.chance(faults.killsProcess))
          process.after(random.between(0, 2_000), process.kill)
        if (isFaulty() && random.chance(faults.losesRequest)) {
          process.after(5_000, () => resolve(unreachable))
          return
        }
        signal.addEventListener('abort', () => resolve(unreachable), { once: true })
        const tookMs = random.chance(faults.slow) ? random.between(1_000, 40_000) : random.between(1, 300)
        clock.after(tookMs, () => {
          const answer = draw()
          const arrival = {
            ...{ deliveryId: id, jobId: job.id, atMs: clock.now() },
            isTaken: answer.state === 'delivered',
          }
          trace('receiver', `${event} ${id} of ${job.id}: ${answer.state}`)
          // that a run starts is no delivery: it has no row, and is lost with its process
          if (event !== 'start') {
            arrivals.push(arrival)
            arrived(arrival)
          }
          const isLost = isFaulty() && random.chance(faults.losesAnswer)
          process.after(1, () => resolve(isLost ? unreachable : answer))
        })
      })
  }

  function draw(): Sent {
    if (!random.chance(isFaulty() ? faults.fails : faults.fails / 4)) return { state: 'delivered' }
    const error = { code: 'HTTP_STATUS', message: 'it was not taken' }
    return random.pick<Sent>([
      { state: 'retry', error },
      { state: 'retry', error },
      { state: 'retry', error, retryAfterMs: random.between(1_000, 300_000) },
      { state: 'disabled', error },
      { state: 'failed', error },
    ])
  }

  return { connect }
}

const unreachable: Sent = {
  state: 'retry',
  error: { code: 'CONNECTION_FAILED', message: 'no answer came' },
}
