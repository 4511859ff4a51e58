import type { Config } from '../../../src/ground/config.ts'
import type { Log } from '../../../src/ground/log.ts'
import type { TimerClient } from '../../../src/timers/index.ts'
import type { TestDatabase } from '../../../test/support/database.ts'
import type { Nas } from '../../nas/index.ts'
import type { Life, Steps } from '../steps.ts'

/** The timer of a world: it holds wake-ups on the world's clock, and calls the edge. */
export type Outside = {
  /** As messages call it. */
  title: string
  /** What labels of calls to it begin with. */
  kind: 'nas' | 'timer'
  /** As `limits` of the timer: a new wake-up takes the place of the one before. */
  isOnePerJob: boolean
  /** What processes are started with. */
  environment(): Record<string, string>
  /** The client of one process; each of its calls is a step. */
  connect(needs: Connecting): TimerClient
  held(): Promise<Held[]>
  /** The next instant after now at which it may begin something; epoch milliseconds, infinite if there is none. */
  nextMs(): number | Promise<number>
  /** Moves its clock and begins what is due by then. Waits for nothing. */
  jump(instant: Date): void
  /** Fires that it has sent, and has not finished with. */
  sending(): number
  /** Whether something is due that it has not begun. */
  isBehind(): boolean
  /** From now on it sends nothing, until `release`: it is late then. */
  hold(): Promise<void>
  release(): Promise<void>
  /** Loses what it holds for a job, against the rules. */
  lose(jobId: string): Promise<void>
  /** Misbehaves in a way that its list of manners names. */
  misbehave(text: string): Promise<void>
  /** Answers to our calls that it was told to lose, so that what they made may be known to no one. */
  lostAnswers(): number
  /** What happened there, for people. */
  story(): unknown[]
  /** Null: another timer. */
  nas: Nas | null
  close(): Promise<void>
}

export type Connecting = { config: Config; steps: Steps; life: Life; log: Log }

/** One wake-up. `isWaiting`: it will be sent, again if `tries` is not 0. `isListed`: it counts as the one of its job. */
export type Held = {
  jobId: string
  fireAt: Date
  scheduleId: string
  tries: number
  isWaiting: boolean
  isListed: boolean
}

export type OutsideOptions = {
  /** Of the service. */
  database: TestDatabase
  /** Instant at which the clock stands at first. */
  start: string
  /** Base URL of the edge. */
  callbackUrl: string
  /** How often each fire is sent, at once. */
  copies: number
  /** To be called after everything that happens there. */
  changed: () => void
}

export type StartOutside = (options: OutsideOptions) => Promise<Outside>
