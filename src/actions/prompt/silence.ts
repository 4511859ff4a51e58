import { type TimeLimit, withTimeLimit } from '../../ground/time-limit.ts'

/** The reason of a signal that aborted because nothing was heard. */
export class ModelSilent extends Error {
  override readonly name = 'ModelSilent'
}

export type Silence = Pick<TimeLimit, 'signal' | 'release'> & {
  /** A sign of life: the wait starts over. */
  heard(): void
}

/** A signal that aborts with `signal`, or with ModelSilent once `ms` have passed since `heard` was last called. */
export function silenceAfter(ms: number, signal: AbortSignal): Silence {
  const limit = withTimeLimit(signal, ms, () => new ModelSilent(`nothing was heard for ${ms} ms`))
  return { ...limit, heard: limit.renew }
}
