import type { TargetCall } from '../target/index.ts'
import type { Refusal } from './effects.ts'
import type { World, WorldOptions } from './world.ts'

/** What is played, and what must be due because of it. */
export type Scenario = {
  name: string
  /** Before the steps are counted. */
  prepare?(world: World, job: JobMaker): Promise<void>
  /** While steps are counted, and processes die. */
  play(world: World, job: JobMaker): Promise<void>
  /** After that, undisturbed; at its end every job is judged. */
  finish?(world: World, job: JobMaker): Promise<void>
  /** Told of each call of the target as it comes in, before it is answered. */
  called?(world: World, call: TargetCall): void
  /** So the first deliveries that reach the receiver are answered. */
  refuses?: Refusal
  /** The job's own policy grants further attempts. */
  retries?: true
  world?: Partial<WorldOptions>
}

/** Makes the scenario's job, and keeps what is known of it. */
export type JobMaker = {
  make(fields: Record<string, unknown> & { schedule: string }): Promise<string | null>
  /** Another job, which the outcome of the first one starts; it is judged by the deliveries of that. */
  follow(fields: Record<string, unknown> & { on: string[] }): Promise<string | null>
  /** The id of the job made. @throws Error: the client never got an answer */
  id(): string
  /** Instants at which the job must be attended to, by arithmetic: minutes of the hour from 12:00. */
  due(...minutes: number[]): void
  /** Nothing is held against jobs that are gone. */
  gone(): void
}

/** The clock of each scenario begins at 12:00:30. */
export const startsAt = '2026-06-18T12:00:30Z'
export const at = (minute: number, second = 0) => new Date(Date.UTC(2026, 5, 18, 12, minute, second))
