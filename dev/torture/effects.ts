import { startTarget, type Target, type TargetCall } from '../target/index.ts'
import type { Effect } from './oracle.ts'

/** The target as a witness: what reached it, with the instant on the clock of the world that is played. */
export type Witness = {
  target: Target
  /** Forgets what came in, answers 200 again, and tells the time by `now` from here on. */
  begin(now: () => Date): void
  effects(): Effect[]
  close(): Promise<void>
}

export async function startWitness(): Promise<Witness> {
  let now = () => new Date()
  let instants: number[] = []
  const target = await startTarget({ print: () => void instants.push(now().getTime()) })
  return {
    target,
    begin(clock) {
      now = clock
      instants = []
      target.calls.length = 0
      target.behave('/hook', { does: 'status' })
    },
    effects: () => target.calls.map((call, index) => effectOf(call, instants[index] ?? Number.NaN)),
    close: () => target.close(),
  }
}

function effectOf({ headers }: TargetCall, atMs: number): Effect {
  return {
    jobId: headers['x-chronos-job'] ?? '',
    slot: headers['x-chronos-slot'] ?? null,
    runId: headers['x-chronos-run'] ?? '',
    attempt: Number(headers['x-chronos-attempt']),
    fence: Number(headers['x-chronos-fence']),
    atMs,
  }
}
